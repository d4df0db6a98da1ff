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


def aligned_matrix(moments: np.ndarray, mapped: np.ndarray, share: float) -> np.ndarray:
    """Return L, the (p, p) float32 map of content to own and mapped vectors side by side, by principal axes.

    Args:
        moments: (p, p), the content's mean of zᵀz.
        mapped: (p, d), W.
        share: the weight of mapped vectors beside own ones; 0 for the content alone.
    """
    own, moved = root_mean_squares(moments, mapped)
    inner = np.eye(len(mapped)) / own**2 + (share / moved) ** 2 * mapped @ mapped.T
    values, axes = np.linalg.eigh(inner)
    root = axes * np.sqrt(np.maximum(values, 0))
    variances, turned = np.linalg.eigh(root.T @ moments @ root)
    return np.asarray((root @ turned[:, np.argsort(-variances, kind="stable")]), np.float32)


def root_mean_squares(moments: np.ndarray, mapped: np.ndarray) -> tuple[float, float]:
    """Return those of the lengths of own vectors z and of mapped ones z·W; neither is 0."""
    squares = float(np.trace(moments)), float(np.einsum("pd,pd->", mapped, moments @ mapped))
    own, moved = (max(square, TINY) ** 0.5 for square in squares)
    return own, moved
