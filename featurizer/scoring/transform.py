"""Geometry: vectors centered, as stored, or whitened; the feature set itself stays untouched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from featurizer.features.join import mean_of

TransformName: TypeAlias = Literal["auto", "none", "whiten"]
TRANSFORMS: tuple[TransformName, ...] = get_args(TransformName)

SMALLEST = 1e-6
"""Directions whose variance is below this share of the largest are dropped by whitening: they are rounding."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A fitted transform: x ↦ (x − mean) @ matrix; None leaves that step out.

    Attributes:
        name: which.
        mean: (d,) float64.
        matrix: (d, r) float64.
    """

    name: TransformName
    mean: np.ndarray | None = None
    matrix: np.ndarray | None = None

    def __call__(self, vectors: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Return (n, d or r) float32 vectors; rows that are not present stay zero."""
        if self.mean is None:
            return vectors
        moved = vectors[present].astype(np.float64) - self.mean
        if self.matrix is not None:
            moved = moved @ self.matrix
        out = np.zeros((len(vectors), moved.shape[1]), np.float32)
        out[present] = moved
        return out


def fit(name: TransformName, vectors: np.ndarray, present: np.ndarray) -> Transform:
    """Fit a transform on all items that have a vector.

    `auto` subtracts their mean; `whiten` also turns to the principal axes and divides each by its standard
    deviation (n − 1), so that the covariance is the identity; axes that hold rounding only are dropped.

    Args:
        name: which.
        vectors: (n, d).
        present: (n,) bool.
    """
    if name == "none" or not present.any():
        return Transform("none")
    mean = mean_of(vectors, present)
    if name == "auto":
        return Transform(name, mean)
    centered = vectors[present].astype(np.float64) - mean
    values, axes = np.linalg.eigh(centered.T @ centered / max(len(centered) - 1, 1))
    kept = values > SMALLEST * max(values[-1], np.finfo(float).tiny)
    return Transform(name, mean, axes[:, kept][:, ::-1] / np.sqrt(values[kept][::-1]))
