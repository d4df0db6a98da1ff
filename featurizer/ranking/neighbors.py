"""What a search of neighbors finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DECIMALS = 9
"""Cosines that agree to so many are equal."""


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Each query's nearest, best first.

    Attributes:
        items: (q, k) int64; -1 where an item has no vector or fewer others have one.
        cosines: (q, k) float64, 0 there.
    """

    items: np.ndarray
    cosines: np.ndarray

    def first(self, k: int) -> Neighbors:
        """Return the k nearest of them."""
        return Neighbors(self.items[:, :k], self.cosines[:, :k])
