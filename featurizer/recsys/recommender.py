"""What every recommender offers the trainer, whoever wrote it: one that learns, or one that is solved at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch

    from featurizer.ranking.rank import Vectors
    from featurizer.recsys.sampler import Triples


class Recommender(Protocol):
    """A model that learns from triples and scores by dot products."""

    @property
    def weights(self) -> torch.nn.Module:
        """What is learned: its parameters are trained, and its `state_dict` is what a saved model holds.

        A model that is a `torch.nn.Module` itself returns itself.
        """
        ...

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Draw what stays fixed for an epoch."""
        ...

    def losses(self, triples: Triples) -> Mapping[str, torch.Tensor]:
        """Return the weighted parts of a batch's loss by name; their sum is what is minimized."""
        ...

    def embeddings(self) -> Embeddings:
        """Return the vectors to score with, made from the weights as they are; training on changes them not."""
        ...


@runtime_checkable
class ClosedForm(Protocol):
    """A model that one computation gives: it has no epochs, no loss and no seed."""

    def solve(self) -> Embeddings:
        """Return the vectors to score with, the same bits each time."""
        ...


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors whose dot products are the scores.

    Of a model that learns both are tensors. A model from items to items has sparse users, (u, n) with a 1 at each train
    item, and as an item's vector what each train item adds to its score, (n, n), dense or sparse.

    Attributes:
        users: (u, d).
        items: (n, d).
    """

    users: Vectors
    items: Vectors
