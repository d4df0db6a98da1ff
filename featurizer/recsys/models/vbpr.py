"""VBPR (He and McAuley, 2016): matrix factorization with the items' projected features beside their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featurizer.config import Config
from featurizer.lazy import lazy
from featurizer.papers import Paper
from featurizer.recsys.options import L2, L2_WEIGHTS, LEARNING_RATES, Dim, TrainOptions
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    import numpy as np
    import torch

    from featurizer.recsys import losses, weights
    from featurizer.recsys.data import RecData
    from featurizer.recsys.sampler import Triples
else:
    torch = lazy("torch")
    losses = lazy("featurizer.recsys.losses")
    weights = lazy("featurizer.recsys.weights")


class VbprOptions(Config):
    """VBPR's hyper-parameters; what they are where none is given was found on the validation items of Baby."""

    dim: Dim = 64
    l2: L2 = 0.03


class Vbpr:
    """Score [γ_u, θ_u] · [γ_i, W·feature_i + b], without the paper's bias terms."""

    def __init__(
        self, data: RecData, options: VbprOptions, *, batch_size: int, seed: int, device: str
    ) -> None:
        self.options, self.batch_size = options, batch_size
        self.features = torch.from_numpy(data.features).to(device)
        self.known = self.features.any(1, keepdim=True)
        generator = torch.Generator().manual_seed(seed)
        weight, bias = weights.linear(self.features.shape[1], options.dim, generator)
        first = {
            "users": weights.xavier_rows(data.n_users, 2 * options.dim, generator),
            "items": weights.xavier_rows(data.n_items, options.dim, generator),
            "project.weight": weight,
            "project.bias": bias,
        }
        self.weights = weights.learned(first, device)

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Nothing is drawn."""

    def embeddings(self) -> Embeddings:
        """Return the (u, 2d) and (n, 2d) vectors."""
        with torch.no_grad():
            everything = torch.arange(len(self.features), device=self.features.device)
            users = self.weights.get_parameter("users").detach().clone()
            return Embeddings(users, self._items(everything))

    def _items(self, items: torch.Tensor) -> torch.Tensor:
        value = self.weights.get_parameter
        mapped = torch.addmm(value("project.bias"), self.features[items], value("project.weight"))
        return torch.cat([value("items").index_select(0, items), mapped * self.known[items]], dim=1)

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return the weighted parts: bpr and l2."""
        users = self.weights.get_parameter("users").index_select(0, triples.users)
        items = self._items(triples.positives), self._items(triples.negatives)
        return losses.pairwise_losses(users, *items, l2=self.options.l2, batch_size=self.batch_size)


VBPR = RecommenderSpec(
    name="vbpr",
    options=VbprOptions,
    builder=Vbpr,
    presets={"default": Preset(VbprOptions(), TrainOptions(evaluate_every=5, patience=5))},
    grid={
        "learning_rate": LEARNING_RATES,
        "l2": L2_WEIGHTS,
    },
    paper=Paper(
        "he2016vbpr",
        "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback",
        "He, Ruining and McAuley, Julian",
        2016,
        "AAAI",
    ),
)
