"""Behavior as vectors: the leading singular vectors of the PPMI matrix, by a randomized range finder.

Halko, Martinsson and Tropp (2011), with power iterations; the matrix is symmetric, so its singular vectors are its
eigenvectors of largest absolute value. Of the factorization U·S·Uᵀ the vectors are U·S^½ (Levy and Goldberg, 2014).
"""

from __future__ import annotations

import numpy as np

from featurizer.alignment.ppmi import Ppmi

OVERSAMPLED = 16
"""Columns beyond the rank; they make the leading ones exact sooner."""
ITERATIONS = 3
"""Power iterations."""


def behavior_vectors(matrix: Ppmi, rank: int, seed: int) -> np.ndarray:
    """Return the (n, d) float32 vectors, the leading axis first; d is `rank`, or n where that is less.

    Args:
        matrix: the symmetric (n, n) matrix.
        rank: how many.
        seed: of the first range.
    """
    n = len(matrix.sums)
    draw = np.random.default_rng([seed, 2]).standard_normal((n, min(n, rank + OVERSAMPLED)))
    basis = np.linalg.qr(matrix @ draw)[0]
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(matrix @ basis)[0]
    inner = basis.T @ (matrix @ basis)
    values, axes = np.linalg.eigh((inner + inner.T) / 2)
    leading = np.argsort(-np.abs(values), kind="stable")[:rank]
    vectors = basis @ axes[:, leading] * np.sqrt(np.abs(values[leading]))
    return np.asarray(vectors, np.float32)
