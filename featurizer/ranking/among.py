"""Ranks by cosine to a user's mean vector, among some of the items only; in float64, whatever the processor."""

from __future__ import annotations

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.cosine import ABSENT, unit_rows
from featurizer.ranking.ranks import TIE, FindRanks, train_matrix

CELLS = 4_000_000
"""Scores compared at once."""


def block_among(candidates: np.ndarray) -> int:
    """Return how many users' scores of the (n,) bool candidates are held at once."""
    return max(1, CELLS // max(int(candidates.sum()), 1))


def ranks_among(vectors: np.ndarray, train: UserItems, candidates: np.ndarray) -> FindRanks:
    """Return what finds ranks by cos(mean of the user's L2-normalized train vectors, item) among candidates.

    A candidate without a vector stands below all others.

    Args:
        vectors: (n, d), zero rows where absent.
        train: the users' train items.
        candidates: (n,) bool; only these are asked for.
    """
    units, history, block = unit_rows(vectors), train_matrix(train), block_among(candidates)
    among, place = np.flatnonzero(candidates), np.cumsum(candidates) - 1
    missing = ~units[among].any(1)

    def find(users: np.ndarray, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        scores = unit_rows(history[users] @ units) @ units[among].T
        scores[:, missing] = ABSENT
        ranks = np.empty(len(rows), np.int64)
        for start in range(0, len(rows), block):
            pairs = slice(start, start + block)
            own = place[items[pairs]]
            ahead = scores[rows[pairs]]
            ahead -= np.take_along_axis(ahead, own[:, None], axis=1)
            earlier = np.arange(len(among)) < own[:, None]
            ranks[pairs] = ((ahead > TIE) | ((ahead >= -TIE) & earlier)).sum(1)
        return ranks

    return find
