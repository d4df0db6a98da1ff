"""What every recommender offers the trainer, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

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


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors whose dot products are the scores.

    Attributes:
        users: (u, d).
        items: (n, d).
    """

    users: torch.Tensor
    items: torch.Tensor
