"""LightGCN (He et al., 2020): ids, propagated over the graph of users and items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featurizer.config import Config
from featurizer.lazy import lazy
from featurizer.papers import Paper
from featurizer.recsys.options import L2, L2_WEIGHTS, LEARNING_RATES, Dim, Layers, TrainOptions, Uia
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    import numpy as np
    import torch

    from featurizer.recsys import losses, user_item_graph, weights
    from featurizer.recsys.data import RecData
    from featurizer.recsys.sampler import Triples
else:
    torch = lazy("torch")
    losses = lazy("featurizer.recsys.losses")
    user_item_graph = lazy("featurizer.recsys.user_item_graph")
    weights = lazy("featurizer.recsys.weights")


class LightGcnOptions(Config):
    """LightGCN's hyper-parameters; what they are where none is given was found on the validation items of Baby."""

    dim: Dim = 64
    layers: Layers = 3
    uia: Uia = 0.0
    l2: L2 = 1e-4


class LightGcn:
    """h = (E + ÂE + … + Â^L E) / (L + 1), scored by dot product; AlignRec without its content."""

    def __init__(
        self, data: RecData, options: LightGcnOptions, *, batch_size: int, seed: int, device: str
    ) -> None:
        self.n_users, self.options, self.batch_size = data.n_users, options, batch_size
        self.graph = user_item_graph.adjacency(data.train).to(device)
        generator = torch.Generator().manual_seed(seed)
        ids = weights.id_table(data.n_users, data.n_items, options.dim, generator)
        self.weights = weights.learned({"ids": ids}, device)

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Nothing is drawn."""

    def embeddings(self) -> Embeddings:
        """Return h of all users and items."""
        with torch.no_grad():
            # without layers h is the table itself, which training goes on to change
            table = self.weights.get_parameter("ids").detach()
            final = user_item_graph.propagate(table, self.graph, self.options.layers).clone()
        return Embeddings(final[: self.n_users], final[self.n_users :])

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return the weighted parts: bpr, l2, and uia where its weight is not 0."""
        options, table = self.options, self.weights.get_parameter("ids")
        rows, places = triples.rows(self.n_users)
        vectors = user_item_graph.propagate_to(rows, table, self.graph, options.layers)
        three = vectors.index_select(0, places).chunk(3)
        return losses.pairwise_losses(*three, l2=options.l2, batch_size=self.batch_size, uia=options.uia)


LIGHTGCN = RecommenderSpec(
    name="lightgcn",
    options=LightGcnOptions,
    builder=LightGcn,
    presets={
        "default": Preset(LightGcnOptions(), TrainOptions(learning_rate=3e-3, evaluate_every=3, patience=4))
    },
    grid={
        "learning_rate": LEARNING_RATES,
        "l2": L2_WEIGHTS,
        "layers": (2, 3, 4),
    },
    paper=Paper(
        "he2020lightgcn",
        "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation",
        "He, Xiangnan and Deng, Kuan and Wang, Xiang and Li, Yan and Zhang, Yongdong and Wang, Meng",
        2020,
        "SIGIR",
    ),
    needs_features=False,
)
