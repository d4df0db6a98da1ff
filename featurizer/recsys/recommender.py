"""What every model offers the trainer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from featurizer.recsys.sampler import Triples


class Recommender(Protocol):
    """A model that is trained on triples and scores by dot products."""

    def named_parameters(self) -> Mapping[str, torch.nn.Parameter]:
        """Return what is learned, by name."""
        ...

    def begin_epoch(self, generator: np.random.Generator) -> None:
        """Draw what stays fixed for an epoch."""
        ...

    def losses(self, triples: Triples) -> dict[str, torch.Tensor]:
        """Return the weighted parts of a batch's loss; their sum is what is minimized."""
        ...

    def embeddings(self) -> Embeddings:
        """Return the vectors to score with, made from the parameters as they are."""
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


def xavier_rows(rows: int, dim: int, generator: torch.Generator) -> torch.Tensor:
    """Return (rows, dim) weights, uniform within ±sqrt(6 / (rows + dim)) (Glorot and Bengio, 2010)."""
    bound = (6 / (rows + dim)) ** 0.5
    return (torch.rand(rows, dim, generator=generator) * 2 - 1) * bound


def id_table(users: int, items: int, dim: int, generator: torch.Generator) -> torch.Tensor:
    """Return the first (u + n, d) table of id vectors, users first, each side with its own Xavier bound."""
    return torch.cat([xavier_rows(users, dim, generator), xavier_rows(items, dim, generator)])


def linear(inputs: int, outputs: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a layer's first (inputs, outputs) weight and (outputs,) bias, uniform within ±1/sqrt(inputs)."""
    bound = inputs**-0.5
    weight = (torch.rand(inputs, outputs, generator=generator) * 2 - 1) * bound
    bias = (torch.rand(outputs, generator=generator) * 2 - 1) * bound
    return weight, bias


def learned(first: Mapping[str, torch.Tensor], device: torch.device) -> dict[str, torch.nn.Parameter]:
    """Return parameters on a device that start from the given values."""
    return {name: torch.nn.Parameter(value.to(device)) for name, value in first.items()}
