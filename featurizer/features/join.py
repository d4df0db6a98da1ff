"""Several spaces side by side as one: the rule that training, scoring and export share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np

BLOCK = 8192
"""Rows looked at at once, so that no copy in double precision is as large as the space."""

SpaceVectors: TypeAlias = tuple[np.ndarray, np.ndarray]
"""(n, d) vectors, zeros where absent, and (n,) bool, present."""


def mean_of(vectors: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return the (d,) float64 mean over the items that have a vector; zeros where none has."""
    total = np.zeros(vectors.shape[1])
    for rows in blocks(len(vectors)):
        total += vectors[rows][present[rows]].sum(0, dtype=np.float64)
    return total / max(int(present.sum()), 1)


def centered(vectors: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Return (n, d) float32 vectors less their mean over the items that have one; the others' rows are zero.

    An all-zero vector counts as absent.
    """
    there = present & vectors.any(1)
    mean = mean_of(vectors, there)
    moved = np.zeros(vectors.shape, np.float32)
    for rows in blocks(len(vectors)):
        moved[rows][there[rows]] = vectors[rows][there[rows]] - mean
    return moved


def side_by_side(
    parts: Sequence[SpaceVectors], weights: Sequence[float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Lay spaces end to end: ((n, Σd) float32 vectors, (n,) bool, present); a single part stays as it is.

    Each part is L2-normalized as it comes, so the cosine of two items that have all parts is the mean of the parts'
    cosines, by the squares of their weights. A missing part is a zero block; an item is present where any part is.

    Args:
        parts: the spaces, centered or not.
        weights: of each part; None for 1 each.
    """
    if len(parts) == 1:
        return parts[0]
    present = np.any([there for _, there in parts], axis=0)
    scales = [1.0] * len(parts) if weights is None else weights
    blocks_of = [
        unit_rows(vectors) * np.float32(scale) for (vectors, _), scale in zip(parts, scales, strict=True)
    ]
    return np.concatenate(blocks_of, axis=1), np.asarray(present)


def join(
    parts: Sequence[SpaceVectors], weights: Sequence[float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Join spaces as `a+b` means it: ((n, Σd) float32 vectors, (n,) bool, present).

    Each part is centered on its mean over the items that have it, L2-normalized, and weighted; a missing part is a
    zero block, and an item is present where any part is. A single part stays as it is.

    Args:
        parts: of each space the (n, d) vectors, zeros where absent, and (n,) bool, present.
        weights: of each part; None for 1 each.
    """
    if len(parts) == 1:
        return parts[0]
    return side_by_side([(centered(vectors, there), there) for vectors, there in parts], weights)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return (n, d) float32 rows of length 1; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def blocks(n: int) -> Iterator[slice]:
    """Yield the slices that cut n rows into blocks."""
    for start in range(0, n, BLOCK):
        yield slice(start, min(start + BLOCK, n))
