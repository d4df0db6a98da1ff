"""The content that is mapped: spaces joined, then turned to their principal axes; rows block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from featurizer.features.join import SpaceVectors, blocks, mean_of, unit_rows
from featurizer.records import Json

SMALLEST = 1e-7
"""Axes with less than this share of the largest variance are rounding."""


@dataclass(frozen=True, slots=True)
class ContentMap:
    """Spaces to content: each centered, normalized and weighted, side by side, times a basis.

    Attributes:
        means: of each space the (d,) float64 mean.
        weights: of each space.
        basis: (Σd, p) float32, the axes; None leaves the join as it is.
    """

    means: tuple[np.ndarray, ...]
    weights: tuple[float, ...]
    basis: np.ndarray | None = None

    @property
    def told(self) -> dict[str, Json]:
        """What a record says of it: the weight of each space, and the axes that are kept; None for all as they are."""
        return {"weights": list(self.weights), "axes": None if self.basis is None else self.basis.shape[1]}

    def __call__(self, parts: Sequence[SpaceVectors]) -> np.ndarray:
        """Return the (n, p) float32 content; a zero row where an item has none of the spaces."""
        n = len(parts[0][0])
        width = sum(map(len, self.means)) if self.basis is None else self.basis.shape[1]
        content = np.zeros((n, width), np.float32)
        for rows in blocks(n):
            content[rows] = self.block([(vectors[rows], present[rows]) for vectors, present in parts])
        return content

    def block(self, parts: Sequence[SpaceVectors]) -> np.ndarray:
        """Return the (b, p) float32 content of a few items."""
        joined = np.concatenate(
            [
                _own(*part, mean, weight)
                for part, mean, weight in zip(parts, self.means, self.weights, strict=True)
            ],
            axis=1,
        )
        joined = unit_rows(joined)
        return joined if self.basis is None else joined @ self.basis


def _own(vectors: np.ndarray, present: np.ndarray, mean: np.ndarray, weight: float) -> np.ndarray:
    there = present & vectors.any(1)
    moved = np.where(there[:, None], vectors - mean.astype(np.float32), np.float32(0))
    return unit_rows(moved) * np.float32(weight)


def joined_content(parts: Sequence[SpaceVectors], weights: Sequence[float]) -> ContentMap:
    """Return the honest join of spaces, as a map that new items go through too."""
    means = tuple(mean_of(vectors, present & vectors.any(1)) for vectors, present in parts)
    return ContentMap(means, tuple(weights))


@dataclass(frozen=True, slots=True)
class Axes:
    """The principal axes of a content: (Σd,) variances, falling, and (Σd, Σd) axes in columns."""

    variances: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, content: ContentMap, parts: Sequence[SpaceVectors]) -> Axes:
        """Find them from the second moments of the join, held whole only where it has fewer items than axes."""
        n, d = len(parts[0][0]), sum(map(len, content.means))
        if n < d:
            return cls._of_few(content(parts))
        moments = np.zeros((d, d))
        for rows in blocks(n):
            block = content.block([(vectors[rows], present[rows]) for vectors, present in parts])
            moments += block.T @ block
        variances, axes = np.linalg.eigh(moments / max(n, 1))
        kept = variances > SMALLEST * variances[-1]
        return cls(variances[kept][::-1], axes[:, kept][:, ::-1])

    @classmethod
    def _of_few(cls, joined: np.ndarray) -> Axes:
        _, singular, axes = np.linalg.svd(joined.astype(np.float64), full_matrices=False)
        variances = singular**2 / len(joined)
        kept = variances > SMALLEST * variances[0]
        return cls(variances[kept], axes[kept].T)

    def plain(self, content: ContentMap, width: int) -> ContentMap:
        """Turn to the first axes."""
        return replace(content, basis=self.axes[:, :width].astype(np.float32))

    def half_whitened(self, content: ContentMap, width: int) -> ContentMap:
        """Turn to the first axes and divide each by the root of its standard deviation."""
        scales = self.variances[:width] ** -0.25
        return replace(content, basis=(self.axes[:, :width] * scales).astype(np.float32))
