"""FREEDOM (Zhou and Shen, 2023): a frozen item graph, and a user-item graph thinned anew each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from featurizer.config import Config
from featurizer.lazy import lazy
from featurizer.papers import Paper
from featurizer.recsys.options import (
    L2,
    L2_WEIGHTS,
    LEARNING_RATES,
    Dim,
    Layers,
    Neighbors,
    TrainOptions,
    Weight,
)
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    import numpy as np
    import torch
    from scipy import sparse

    from featurizer.interactions.user_items import UserItems
    from featurizer.recsys import csr, item_graph, losses, user_item_graph, weights
    from featurizer.recsys.csr import Csr
    from featurizer.recsys.data import RecData
    from featurizer.recsys.sampler import Triples
else:
    np = lazy("numpy")
    torch = lazy("torch")
    sparse = lazy("scipy.sparse")
    csr = lazy("featurizer.recsys.csr")
    item_graph = lazy("featurizer.recsys.item_graph")
    losses = lazy("featurizer.recsys.losses")
    user_item_graph = lazy("featurizer.recsys.user_item_graph")
    weights = lazy("featurizer.recsys.weights")


class FreedomOptions(Config):
    """FREEDOM's hyper-parameters; what they are where none is given was found on the validation items of Baby."""

    dim: Dim = 64
    layers: Layers = 2
    neighbors: Neighbors = 10
    l2: L2 = 1e-3
    content_loss: Weight = 1e-3
    """Weight of the BPR loss on projected features."""
    keep_edges: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Share of the train pairs that an epoch's graph keeps."""


class Freedom:
    """h_u = LightGCN(u), h_i = LightGCN(i) + S·e_i, with S the binary item graph.

    An epoch's graph keeps a share of the train pairs, drawn without replacement with weights
    1/sqrt(deg_u · deg_i); scores come from the whole graph. The features enter through the item graph and
    through a BPR loss of the users against the projected features.
    """

    def __init__(
        self, data: RecData, options: FreedomOptions, *, batch_size: int, seed: int, device: str
    ) -> None:
        self.train, self.options, self.batch_size = data.train, options, batch_size
        self.n_users = data.n_users
        self.features = torch.from_numpy(data.features).to(device)
        self.item_graph = item_graph.neighbor_graph(self.features, options.neighbors, binary=True)
        self.whole = user_item_graph.adjacency(data.train).to(device)
        self.thinned = self.whole
        generator = torch.Generator().manual_seed(seed)
        weight, bias = weights.linear(self.features.shape[1], options.dim, generator)
        ids = weights.id_table(data.n_users, data.n_items, options.dim, generator)
        first = {"ids": ids, "project.weight": weight, "project.bias": bias}
        self.weights = weights.learned(first, device)

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Draw the epoch's graph."""
        if self.options.keep_edges < 1:
            kept = drawn_pairs(self.train, self.options.keep_edges, generator)
            self.thinned = thinned_adjacency(self.train, kept).to(self.features.device)

    def embeddings(self) -> Embeddings:
        """Return the vectors over the whole graph."""
        with torch.no_grad():
            table = self.weights.get_parameter("ids").detach()
            ids = user_item_graph.propagate(table, self.whole, self.options.layers)
            users, items = ids[: self.n_users], ids[self.n_users :]
            return Embeddings(users.clone(), items + self.item_graph.dot(table[self.n_users :]))

    def _vectors_at(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the (r, d) vectors of (r,) increasing `rows`, users first, over the epoch's graph."""
        table = self.weights.get_parameter("ids")
        ids = user_item_graph.propagate_to(rows, table, self.thinned, self.options.layers)
        of_users = int((rows < self.n_users).sum())
        graph = self.item_graph.rows(rows[of_users:] - self.n_users)
        near = csr.product(graph, table[self.n_users :])
        return torch.cat([ids[:of_users], ids[of_users:] + near])

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return the weighted parts: bpr, l2, and the content's bpr where its weight is not 0."""
        rows, places = triples.rows(self.n_users)
        u, *pair = self._vectors_at(rows).index_select(0, places).chunk(3)
        parts = losses.pairwise_losses(u, *pair, l2=self.options.l2, batch_size=self.batch_size)
        if self.options.content_loss:
            mapped = (self._mapped(triples.positives), self._mapped(triples.negatives))
            parts["content"] = self.options.content_loss * losses.bpr_loss(u, *mapped)
        return parts

    def _mapped(self, items: torch.Tensor) -> torch.Tensor:
        value, features = self.weights.get_parameter, self.features[items]
        mapped = torch.addmm(value("project.bias"), features, value("project.weight"))
        return mapped * features.any(1, keepdim=True)


def drawn_pairs(train: UserItems, share: float, generator: np.random.Generator) -> np.ndarray:
    """Return increasing positions of the train pairs that an epoch keeps: the smallest of exponential clocks.

    A pair's clock runs at its weight, which draws without replacement with these weights (Efraimidis, 2006).
    """
    pair_weights = user_item_graph.normalized_block(train).data.astype(np.float64)
    clocks = generator.exponential(size=len(pair_weights)) / pair_weights
    count = max(1, int(share * len(pair_weights)))
    return np.sort(np.argpartition(clocks, count - 1)[:count])


def thinned_adjacency(train: UserItems, kept: np.ndarray) -> Csr:
    """Return the adjacency of the kept pairs, normalized by the degrees that are left."""
    users, items = train.users[kept], train.items[kept]
    by_user = np.maximum(np.bincount(users, minlength=train.n_users), 1) ** -0.5
    by_item = np.maximum(np.bincount(items, minlength=train.n_items), 1) ** -0.5
    values = (by_user[users] * by_item[items]).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=train.n_users))]).astype(np.int32)
    block = sparse.csr_array((values, items, starts), shape=(train.n_users, train.n_items))
    return user_item_graph.joined(block)


FREEDOM = RecommenderSpec(
    name="freedom",
    options=FreedomOptions,
    builder=Freedom,
    presets={
        "default": Preset(FreedomOptions(), TrainOptions(learning_rate=3e-3, evaluate_every=5, patience=4))
    },
    grid={
        "learning_rate": LEARNING_RATES,
        "l2": L2_WEIGHTS,
    },
    paper=Paper(
        "zhou2023freedom",
        "A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal Recommendation",
        "Zhou, Xin and Shen, Zhiqi",
        2023,
        "ACM Multimedia",
    ),
)
