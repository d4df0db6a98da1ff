"""Behavior as vectors: the leading singular vectors of the PPMI matrix, by a randomized range finder.

Halko, Martinsson and Tropp (2011), with power iterations; the matrix is symmetric, so its singular vectors are its
eigenvectors of largest absolute value. Of the factorization U·S·Uᵀ the vectors are U·S^½ (Levy and Goldberg, 2014).
"""

from __future__ import annotations

import numpy as np

from featurizer.alignment.ppmi import Ppmi
from featurizer.features.join import blocks

OVERSAMPLED = 16
"""Columns beyond the rank; they make the leading ones exact sooner."""
ITERATIONS = 3
"""Power iterations."""
SMALLEST = 1e-10
"""Directions of a range with less than this share of the largest's square are rounding."""


def behavior_vectors(matrix: Ppmi, rank: int, seed: int) -> np.ndarray:
    """Return the (n, d) float32 vectors, the leading axis first.

    d is `rank`, or what the matrix has where that is less: 0 where no two items are bought together.

    Args:
        matrix: the symmetric (n, n) matrix.
        rank: how many.
        seed: of the first range.
    """
    n = len(matrix.sums)
    draw = np.random.default_rng([seed, 2])
    basis = draw.standard_normal((n, min(n, rank + OVERSAMPLED)), np.float32)
    for _ in range(1 + ITERATIONS):
        basis = orthonormal(matrix @ basis)
    inner = products(basis, matrix @ basis)
    values, axes = np.linalg.eigh((inner + inner.T) / 2)
    leading = np.argsort(-np.abs(values), kind="stable")[:rank]
    return np.asarray(basis @ (axes[:, leading] * np.sqrt(np.abs(values[leading]))).astype(np.float32))


def orthonormal(vectors: np.ndarray) -> np.ndarray:
    """Return float32 columns, at most as many, that span what (n, k) ones do: all but rounding."""
    values, axes = np.linalg.eigh(products(vectors, vectors))
    kept = values > SMALLEST * np.max(values, initial=np.finfo(float).tiny)
    return np.asarray(vectors @ (axes[:, kept] / np.sqrt(values[kept])).astype(np.float32))


def products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the (k, m) float64 product of (n, k) and (n, m) columns, summed in double precision block by block."""
    total = np.zeros((left.shape[1], right.shape[1]))
    for rows in blocks(len(left)):
        total += left[rows].astype(np.float64).T @ right[rows]
    return total
