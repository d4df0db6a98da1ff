"""Ridge regression from content to interactions: of each user a linear taste for the items' features.

    W = argmin ‖Xᵀ − F W‖² + λ ‖W‖² = (Fᵀ F + λ I)⁻¹ Fᵀ Xᵀ        (Hoerl and Kennard, 1970)
    score(u, i) = f_i · w_u

F has a unit row of features for each item that has some and that somebody trained on, Xᵀ its train pairs, a column a
user. Every item with features gets a score, a cold one too; one without scores 0. It is the linear cold-start model of
Sedhain et al., "Low-Rank Linear Cold-Start Recommendation from Social Data" (AAAI 2017), at full rank and from the
items' side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from featurizer.config import Config
from featurizer.lazy import lazy
from featurizer.papers import Paper
from featurizer.recsys.options import Ridge, TrainOptions
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    import torch

    from featurizer.features import join
    from featurizer.ranking import ranks
    from featurizer.recsys.data import RecData
else:
    torch = lazy("torch")
    join = lazy("featurizer.features.join")
    ranks = lazy("featurizer.ranking.ranks")


class RidgeOptions(Config):
    """The hyper-parameter; what it is where none is given was found on Baby's validation items."""

    ridge: Ridge = 1.0


@dataclass(frozen=True, slots=True)
class ContentRidge:
    """A user's weights on the features.

    Attributes:
        data: what it is made of.
        ridge: λ.
        device: where the equations are solved.
    """

    data: RecData
    ridge: float
    device: str

    def solve(self) -> Embeddings:
        """Return (u, f) weights and (n, f) unit rows of features."""
        units = join.unit_rows(self.data.features)
        learned = units.astype("float64")
        learned[self.data.train.popularity() == 0] = 0
        bought = torch.from_numpy(ranks.train_matrix(self.data.train) @ learned).to(self.device)
        features = torch.from_numpy(learned).to(self.device)
        moments = features.T @ features
        moments.diagonal().add_(self.ridge)
        weights = torch.cholesky_solve(bought.T, torch.linalg.cholesky(moments))
        return Embeddings(weights.T.float(), torch.from_numpy(units).to(self.device))


def build(data: RecData, options: RidgeOptions, *, batch_size: int, seed: int, device: str) -> ContentRidge:
    """Return the regression."""
    return ContentRidge(data, options.ridge, device)


RIDGE = RecommenderSpec(
    name="ridge",
    options=RidgeOptions,
    builder=build,
    presets={"default": Preset(RidgeOptions(), TrainOptions())},
    grid={"ridge": (0.1, 0.3, 1, 3, 10, 30, 100, 300)},
    paper=Paper(
        "hoerl1970ridge",
        "Ridge Regression: Biased Estimation for Nonorthogonal Problems",
        "Hoerl, Arthur E. and Kennard, Robert W.",
        1970,
        "Technometrics",
    ),
    closed_form=True,
)
