"""The nearest of a few queries among items that are read block by block: one block in memory, and no torch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from featurizer.ranking.neighbors import DECIMALS, Neighbors


def nearest_in_blocks(
    blocks: Iterable[np.ndarray], k: int, *, queries: np.ndarray, rows: np.ndarray
) -> Neighbors:
    """Find the k items nearest to a few by cosine, exactly as `nearest` does.

    All products are in float64; cosines that agree to 9 decimals are equal, and equal ones come in the items' order.

    Args:
        blocks: the (m, d) vectors of all items, one block after another; a row that is zero or not finite is an item
            without a vector.
        k: neighbors a query.
        queries: (q, d) vectors of the items they are sought of.
        rows: (q,) where those items stand, so that none is its own neighbor.
    """
    units, asked = _units(queries)
    items = np.full((len(rows), k), -1)
    cosines = np.full((len(rows), k), -np.inf)
    start = 0
    for block in blocks:
        others, known = _units(block)
        similar = np.round(units @ others.T, DECIMALS)
        similar[:, ~known] = -np.inf
        own = (rows >= start) & (rows < start + len(block))
        similar[own, rows[own] - start] = -np.inf
        for query in np.flatnonzero(asked):
            closer = np.flatnonzero(similar[query] > cosines[query, -1])
            values = np.concatenate([cosines[query], similar[query, closer]])
            places = np.concatenate([items[query], start + closer])
            best = np.argsort(-values, kind="stable")[
                :k
            ]  # those found before stand before, and so do they here
            cosines[query], items[query] = values[best], places[best]
        start += len(block)
    cosines[items < 0] = 0
    return Neighbors(items, cosines)


def _units(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, d) float64 rows of length 1, zeros where there is no vector, and (n,) where there is one."""
    wide = vectors.astype(np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    known = (norms > 0) & np.isfinite(norms)
    wide[~known] = 0
    wide /= np.where(known, norms, 1)[:, None]
    return wide, known
