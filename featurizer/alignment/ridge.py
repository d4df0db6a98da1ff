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
    def of(cls, content: np.ndarray, behavior: np.ndarray, counts: np.ndarray) -> Ridge:
        """Sum the normal equations over blocks of items.

        Args:
            content: (n, p), X.
            behavior: (n, d), Y.
            counts: (n,), the diagonal of C; 0 leaves an item out.
        """
        p = content.shape[1]
        moments, target = np.zeros((p, p)), np.zeros((p, behavior.shape[1]))
        for rows in blocks(len(content)):
            weighted = content[rows] * counts[rows, None].astype(np.float32)
            moments += weighted.T @ content[rows]
            target += weighted.T @ behavior[rows]
        variances, axes = np.linalg.eigh(moments)
        return cls(np.maximum(variances, 0), axes, axes.T @ target)

    def solve(self, ridge: float, rank: int) -> np.ndarray:
        """Return the (p, rank) float64 map W to the first axes of the behavior."""
        penalty = ridge * max(self.variances.mean(), np.finfo(float).tiny)
        return self.axes @ (self.target[:, :rank] / (self.variances + penalty)[:, None])
