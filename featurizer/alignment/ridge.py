"""Ridge regression from content to behavior, for many strengths at the price of one.

W = argmin Σ_i c_i ‖x_i W − y_i‖² + λ ‖W‖² = (Xᵀ C X + λ I)⁻¹ Xᵀ C Y,    λ = ridge · trace(Xᵀ C X) / p
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurizer.features.join import blocks


@dataclass(frozen=True, slots=True)
class Ridge:
    """The normal equations, turned to the axes in which they are diagonal.

    Attributes:
        variances: (p,) float64 eigenvalues of XᵀCX.
        axes: (p, p) its eigenvectors.
        target: (p, d), the axes' products with XᵀCY.
    """

    variances: np.ndarray
    axes: np.ndarray
    target: np.ndarray

    @classmethod
    def of(cls, moments: np.ndarray, target: np.ndarray) -> Ridge:
        """Turn (p, p) XᵀCX and (p, d) XᵀCY."""
        variances, axes = np.linalg.eigh(moments)
        return cls(np.maximum(variances, 0), axes, axes.T @ target)

    def solve(self, ridge: float, rank: int) -> np.ndarray:
        """Return the (p, rank) float64 map W to the first axes of the behavior."""
        penalty = ridge * max(self.variances.mean(), np.finfo(float).tiny)
        return self.axes @ (self.target[:, :rank] / (self.variances + penalty)[:, None])


def weighted_products(left: np.ndarray, right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the (p, d) float64 LᵀCR of (n, p) and (n, d) float32 rows, summed over blocks of items.

    Args:
        left: L.
        right: R.
        counts: (n,), the diagonal of C; 0 leaves an item out.
    """
    total = np.zeros((left.shape[1], right.shape[1]))
    for rows in blocks(len(left)):
        total += (left[rows] * counts[rows, None].astype(np.float32)).T @ right[rows]
    return total
