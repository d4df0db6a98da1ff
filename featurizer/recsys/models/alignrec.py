"""AlignRec's second stage (Liu et al., 2024): ids through LightGCN, content through the item graph, and aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from featurizer.config import Config, Flag
from featurizer.lazy import lazy
from featurizer.papers import ALIGNREC as PAPER
from featurizer.recsys.options import L2, Dim, Layers, Neighbors, TrainOptions, Uia, Weight
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch.nn import functional

    from featurizer.encoders import device as devices
    from featurizer.recsys import csr, item_graph, losses, user_item_graph, weights
    from featurizer.recsys.data import RecData
    from featurizer.recsys.sampler import Triples
else:
    torch = lazy("torch")
    functional = lazy("torch.nn.functional")
    devices = lazy("featurizer.encoders.device")
    csr = lazy("featurizer.recsys.csr")
    item_graph = lazy("featurizer.recsys.item_graph")
    losses = lazy("featurizer.recsys.losses")
    user_item_graph = lazy("featurizer.recsys.user_item_graph")
    weights = lazy("featurizer.recsys.weights")

COLDEST = 0.02
"""CCA sums exp(cosine / temperature) as it is; float32 holds a million terms of exp(50)."""


class AlignRecOptions(Config):
    """AlignRec's hyper-parameters; what they are where none is given was found on the validation items of Baby."""

    dim: Dim = 64
    layers: Layers = 2
    neighbors: Neighbors = 10
    alpha: Weight = 0.01
    """Weight of content-id alignment (CCA)."""
    reg: Annotated[Weight, Flag("--lambda")] = 0.4
    """Weight of the similarity regularization (REG)."""
    uia: Uia = 0.1
    l2: L2 = 1e-4
    temperature: Annotated[float, Field(ge=COLDEST, allow_inf_nan=False)] = 0.2
    """Temperature of CCA."""
    item_graph: bool = True
    """The graph between items; off for an ablation."""
    trainable_features: bool = False
    """Whether the features are only where learning starts, not what it is held to."""
    moving_target: bool = False
    """Whether REG's target moves with trainable features, as in the authors' code."""
    repeats: bool = False
    """Whether an item or user counts in CCA and REG as often as it stands in the batch, as in the authors' code."""
    contrast: Annotated[int, Field(ge=0)] = 512
    """Rows that CCA contrasts at a time and REG compares, out of a batch; 0 is the whole batch."""
    half: bool = True
    """Multiply fixed features in bfloat16 where the processor does that faster than in float32."""

    @model_validator(mode="after")
    def _refuse_a_target_that_cannot_move(self) -> AlignRecOptions:
        if self.moving_target and not self.trainable_features:
            raise ValueError(
                "alignrec has no use for --moving-target; leave it out, or add --exact, which has trainable features"
            )
        return self


class AlignRec:
    """Ids through LightGCN, content through the item graph, their sum scored by dot product.

    With m = W·feature + b:  x = e_id ⊙ sigmoid(W₂·m + b₂);  h_mm(item) = S·x;  h_mm(user) = R~·h_mm(item);
    h = h_id + h_mm.
    """

    def __init__(
        self, data: RecData, options: AlignRecOptions, *, batch_size: int, seed: int, device: str
    ) -> None:
        self.n_users, self.n_items = data.n_users, data.n_items
        self.options, self.batch_size = options, batch_size
        self.graph = user_item_graph.adjacency(data.train).to(device)
        self.spread = user_item_graph.spread_to_users(data.train).to(device)
        features = torch.from_numpy(data.features).to(device)
        self.item_graph = (
            csr.linear_map(item_graph.neighbor_graph(features, options.neighbors))
            if options.item_graph
            else None
        )
        self.known = torch.from_numpy(data.known).to(device)
        self.units = unit_rows(features)
        halved = options.half and not options.trainable_features and devices.halves_pay(device)
        self.features = features.bfloat16() if halved else features
        generator = torch.Generator().manual_seed(seed)
        first = {"ids": weights.id_table(self.n_users, self.n_items, options.dim, generator)}
        project = weights.linear(features.shape[1], options.dim, generator)
        first["project.weight"], first["project.bias"] = project
        first["gate.weight"], first["gate.bias"] = weights.linear(options.dim, options.dim, generator)
        if options.trainable_features:
            first["features"] = features.clone()
        self.weights = weights.learned(first, device)

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Nothing is drawn."""

    def embeddings(self) -> Embeddings:
        """Return h of all users and items."""
        ids, content = self.towers()
        final = ids + content
        return Embeddings(final[: self.n_users], final[self.n_users :])

    def towers(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return h_id (u + n, d) and h_mm (u + n, d), without gradients."""
        with torch.no_grad():
            table = self.weights.get_parameter("ids")
            ids = user_item_graph.propagate(table, self.graph, self.options.layers)
            return ids, self.spread.dot(self._item_content(table[self.n_users :]))

    def _towers_at(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the (r,) `rows` of both towers, with gradients."""
        table = self.weights.get_parameter("ids")
        ids = user_item_graph.propagate_to(rows, table, self.graph, self.options.layers)
        return ids, csr.product(self.spread.rows(rows), self._item_content(table[self.n_users :]))

    def _features(self) -> torch.Tensor:
        if self.options.trainable_features:
            return self.weights.get_parameter("features")
        return self.features

    def _item_content(self, items: torch.Tensor) -> torch.Tensor:
        value, features = self.weights.get_parameter, self._features()
        # W₂·(W·feature + b) + b₂: the two maps are joined first, for m is wanted nowhere else
        weight = value("project.weight") @ value("gate.weight")
        bias = value("project.bias") @ value("gate.weight") + value("gate.bias")
        gated = items * torch.sigmoid((features @ weight.to(features.dtype)).float() + bias)
        if self.item_graph is None:
            return gated * self.known[:, None]
        return self.item_graph(gated)

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return the weighted parts: bpr, l2, and uia, cca, reg where their weight is not 0."""
        options, (rows, places) = self.options, triples.rows(self.n_users)
        ids, content = (tower.index_select(0, places) for tower in self._towers_at(rows))
        parts = losses.pairwise_losses(
            *(ids + content).chunk(3), l2=options.l2, batch_size=self.batch_size, uia=options.uia
        )
        return parts | self._alignment(triples, ids.chunk(3)[:2], content.chunk(3)[:2])

    def _alignment(
        self, triples: Triples, ids: tuple[torch.Tensor, ...], content: tuple[torch.Tensor, ...]
    ) -> dict[str, torch.Tensor]:
        """Return cca and reg; `ids` and `content` are each of the (b, d) users and of the (b, d) positives."""
        options, parts = self.options, {}
        of_users, user_counts = _distinct(triples.users, self.n_users)
        of_items, item_counts = _distinct(triples.positives, self.n_items)
        if not options.repeats:
            of_users, user_counts = of_users[content[0].detach()[of_users].any(1)], None
            of_items, item_counts = of_items[self.known[triples.positives[of_items]]], None
        if options.alpha:
            parts["cca"] = options.alpha * (
                self._contrast(of_items, content[1], ids[1], item_counts)
                + self._contrast(of_users, content[0], ids[0], user_counts)
            )
        if options.reg:
            compared = of_items if options.repeats else of_items[: options.contrast or None]
            vectors, targets = (
                content[1].index_select(0, compared),
                self._targets(triples.positives[compared]),
            )
            parts["reg"] = options.reg * losses.reg_loss(vectors, targets, item_counts)
        return parts

    def _contrast(
        self, rows: torch.Tensor, content: torch.Tensor, ids: torch.Tensor, counts: torch.Tensor | None
    ) -> torch.Tensor:
        """Return CCA of some rows as a whole, or over nearly equal groups of at most `contrast` of them."""
        options = self.options
        whole = counts is not None or not options.contrast
        groups = 1 if whole else max(1, -(-len(rows) // options.contrast))
        content, ids = content.index_select(0, rows), ids.index_select(0, rows)
        return losses.cca_loss(content, ids, options.temperature, counts, groups=groups)

    def _targets(self, items: torch.Tensor) -> torch.Tensor:
        if self.options.moving_target:
            return unit_rows(self._features().detach()[items])
        return self.units[items]


def _distinct(values: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return increasing positions that hold each value of (b,) once, and how often each stands there."""
    positions = torch.arange(len(values), device=values.device)
    last = torch.full((size,), -1, dtype=torch.int64, device=values.device)
    last.scatter_reduce_(0, values, positions, "amax")
    kept = positions[last[values] == positions]
    return kept, torch.bincount(values, minlength=size)[values[kept]]


def unit_rows(features: torch.Tensor) -> torch.Tensor:
    """Return (n, f) rows of length 1; a zero row stays zero."""
    return functional.normalize(features, dim=1)


ALIGNREC = RecommenderSpec(
    name="alignrec",
    options=AlignRecOptions,
    builder=AlignRec,
    presets={
        "default": Preset(
            AlignRecOptions(), TrainOptions(learning_rate=3e-3, epochs=40, evaluate_every=2, patience=6)
        ),
        "exact": Preset(
            AlignRecOptions(
                reg=0.1, trainable_features=True, moving_target=True, repeats=True, contrast=0, half=False
            ),
            TrainOptions(batch_size=2048),
        ),
    },
    grid={
        "learning_rate": (5e-3, 3e-3, 1e-3, 7e-4, 5e-4, 3e-4, 1e-4),
        "alpha": (1e-4, 1e-3, 5e-3, 1e-2, 0.1),
        "reg": (0.1, 0.2, 0.3, 0.4, 0.5),
    },
    paper=PAPER,
)
"""`exact` is AlignRec as its authors compute it, and the grid is the one that they search."""
