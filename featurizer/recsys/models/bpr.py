"""BPR (Rendle et al., 2009): matrix factorization, learned from pairs of a bought and another item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featurizer.config import Config
from featurizer.papers import Paper
from featurizer.recsys.models.lightgcn import LightGcn, LightGcnOptions
from featurizer.recsys.options import L2, L2_WEIGHTS, LEARNING_RATES, Dim, TrainOptions, Uia
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    from featurizer.recsys.data import RecData


class BprOptions(Config):
    """BPR's hyper-parameters; what they are where none is given was found on the validation items of Baby."""

    dim: Dim = 64
    uia: Uia = 0.0
    l2: L2 = 0.03


def build(data: RecData, options: BprOptions, *, batch_size: int, seed: int, device: str) -> LightGcn:
    """Return matrix factorization of a user's and an item's id vectors: LightGCN without layers."""
    same = LightGcnOptions(dim=options.dim, layers=0, uia=options.uia, l2=options.l2)
    return LightGcn(data, same, batch_size=batch_size, seed=seed, device=device)


BPR = RecommenderSpec(
    name="bpr",
    options=BprOptions,
    builder=build,
    presets={"default": Preset(BprOptions(), TrainOptions(evaluate_every=5, patience=5))},
    grid={
        "learning_rate": LEARNING_RATES,
        "l2": L2_WEIGHTS,
    },
    paper=Paper(
        "rendle2009bpr",
        "BPR: Bayesian Personalized Ranking from Implicit Feedback",
        "Rendle, Steffen and Freudenthaler, Christoph and Gantner, Zeno and Schmidt-Thieme, Lars",
        2009,
        "UAI",
    ),
    needs_features=False,
)
