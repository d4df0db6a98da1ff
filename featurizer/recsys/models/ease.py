"""EASE (Steck, 2019): the linear model from a user's items to all items, without an item's weight on itself.

    B = argmin ‖X − X B‖² + λ ‖B‖²  with diag(B) = 0
      = I − P diag(1 / diag P),    P = (Xᵀ X + λ I)⁻¹
    score(u, ·) = x_u B

X is (u, n) with a 1 at each train pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from featurizer.config import Config
from featurizer.errors import InputError
from featurizer.lazy import lazy
from featurizer.memory import physical_memory
from featurizer.papers import Paper
from featurizer.recsys.options import Ridge, TrainOptions
from featurizer.recsys.recommender import Embeddings
from featurizer.recsys.spec import Preset, RecommenderSpec

if TYPE_CHECKING:
    import numpy as np
    import torch

    from featurizer.ranking import ranks
    from featurizer.recsys.data import RecData
else:
    np = lazy("numpy")
    torch = lazy("torch")
    ranks = lazy("featurizer.ranking.ranks")

MATRIX_BYTES = 24
"""An entry of three (n, n) matrices of 8 bytes: what is inverted, its factor, the inverse."""


class EaseOptions(Config):
    """EASE's hyper-parameter; what it is where none is given was found on Baby's validation items."""

    ridge: Ridge = 200.0


@dataclass(frozen=True, slots=True)
class Ease:
    """The weights from items to items.

    Attributes:
        data: what it is made of.
        ridge: λ.
        device: where the matrix is inverted.
    """

    data: RecData
    ridge: float
    device: str

    def solve(self) -> Embeddings:
        """Return (u, n) users, a 1 at each train item, and (n, n) items: row i is column i of B."""
        history = ranks.train_matrix(self.data.train)
        gram = torch.from_numpy((history.T @ history).toarray()).to(self.device)
        gram.diagonal().add_(self.ridge)
        factor = torch.linalg.cholesky(gram)
        del gram
        weights = torch.cholesky_inverse(factor)
        del factor
        weights /= -weights.diagonal().clone()
        weights.diagonal().zero_()
        return Embeddings(history.astype(np.float32), weights.float().T)


def build(data: RecData, options: EaseOptions, *, batch_size: int, seed: int, device: str) -> Ease:
    """Return EASE of data whose matrix fits the memory.

    Raises:
        InputError: it does not.
    """
    refuse_too_many(data.n_items, physical_memory())
    return Ease(data, options.ridge, device)


def refuse_too_many(items: int, memory: int | None) -> None:
    """Refuse items whose matrices take more than there is, in bytes; None is not known, and refuses nothing.

    Raises:
        InputError: they do.
    """
    needed = MATRIX_BYTES * items**2
    if memory is not None and needed > memory:
        raise InputError(
            f"ease inverts a matrix of {items:,} × {items:,} items, which takes {needed / 2**30:,.1f} GiB, expected at "
            f"most the {memory / 2**30:,.1f} GiB of this machine; use --model itemknn, whose matrix is sparse, or "
            "leave out items that few have bought"
        )


EASE = RecommenderSpec(
    name="ease",
    options=EaseOptions,
    builder=build,
    presets={"default": Preset(EaseOptions(), TrainOptions())},
    grid={"ridge": (5, 10, 20, 50, 100, 200, 500, 1000)},
    paper=Paper(
        "steck2019ease",
        "Embarrassingly Shallow Autoencoders for Sparse Data",
        "Steck, Harald",
        2019,
        "WWW",
    ),
    needs_features=False,
    closed_form=True,
)
