"""The aligned vectors: own and mapped content side by side, as one linear map of the content.

Side by side, each scaled to a root mean square of 1, own vectors z and mapped vectors z·W have the inner product
z (I/r_z² + share²·W Wᵀ/r_w²) zᵀ. With L·Lᵀ that matrix, z·L has the same inner products in no more dimensions than z
has; turned to its principal axes it can be cut to any width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.alignment.content import ContentMap
from featurizer.features.join import SpaceVectors, blocks, unit_rows

TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Spaces to aligned vectors.

    Attributes:
        content: spaces to (n, p) content.
        matrix: (p, w) float32, content to aligned.
    """

    content: ContentMap
    matrix: np.ndarray

    def __call__(self, parts: Sequence[SpaceVectors]) -> tuple[np.ndarray, np.ndarray]:
        """Return the (n, w) float32 aligned vectors, of length 1, and (n,) bool, whether there is one.

        Args:
            parts: the spaces that the map was learned on, in their order.
        """
        n = len(parts[0][0])
        vectors = np.zeros((n, self.matrix.shape[1]), np.float32)
        for rows in blocks(n):
            block = self.content.block([(own[rows], present[rows]) for own, present in parts])
            vectors[rows] = unit_rows(block @ self.matrix)
        return vectors, np.asarray(vectors.any(1))


def aligned_matrix(content: np.ndarray, mapped: np.ndarray, share: float) -> np.ndarray:
    """Return L, the (p, p) float32 map of content to own and mapped vectors side by side, by principal axes.

    Args:
        content: (n, p).
        mapped: (p, d), W.
        share: the weight of mapped vectors beside own ones; 0 for the content alone.
    """
    moments = second_moments(content)
    inner = np.eye(len(mapped)) / _mean_square(moments, np.eye(len(mapped)))
    if share:
        inner += share**2 * mapped @ mapped.T / _mean_square(moments, mapped)
    values, axes = np.linalg.eigh(inner)
    root = axes * np.sqrt(np.maximum(values, 0))
    variances, turned = np.linalg.eigh(root.T @ moments @ root)
    return np.asarray((root @ turned[:, np.argsort(-variances, kind="stable")]), np.float32)


def side_by_side(content: np.ndarray, mapped: np.ndarray, share: float) -> np.ndarray:
    """Return the (n, p + d) own and mapped vectors themselves: the same cosines as by `aligned_matrix`, written out."""
    beside = content @ mapped.astype(np.float32)
    own, moved = (np.float32(max(float((rows**2).sum(1).mean()), TINY) ** -0.5) for rows in (content, beside))
    return np.concatenate([content * own, beside * (np.float32(share) * moved)], axis=1)


def second_moments(content: np.ndarray) -> np.ndarray:
    """Return the (p, p) float64 mean of zᵀz."""
    moments = np.zeros((content.shape[1],) * 2)
    for rows in blocks(len(content)):
        moments += content[rows].T @ content[rows]
    return moments / max(len(content), 1)


def _mean_square(moments: np.ndarray, mapped: np.ndarray) -> float:
    """Return the mean of ‖z W‖²; never 0."""
    return max(float(np.einsum("pd,pq,qd->", mapped, moments, mapped, optimize=True)), TINY)
