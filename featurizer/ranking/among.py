"""Ranks by cosine to a user's mean vector, among some of the items only; in float64, whatever the processor."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.cosine import ABSENT, unit_rows
from featurizer.ranking.ranks import TIE

CELLS = 4_000_000
"""Scores compared at once."""


class CandidateRanks:
    """Finds ranks by cos(mean of the user's L2-normalized train vectors, item) among candidates.

    A candidate without a vector stands below all others.
    """

    def __init__(self, vectors: np.ndarray, train: UserItems, candidates: np.ndarray) -> None:
        """Take over (n, d) vectors, zero rows where absent, the users' train items and the (n,) bool candidates."""
        self.units = unit_rows(vectors)
        ones = np.ones(len(train.items))
        self.history = sparse.csr_array(
            (ones, train.items, train.starts), shape=(train.n_users, train.n_items)
        )
        self.items = np.flatnonzero(candidates)
        self.place = np.cumsum(candidates) - 1
        self.missing = ~self.units[self.items].any(1)

    @property
    def block(self) -> int:
        """Users whose scores are held at once."""
        return max(1, CELLS // max(len(self.items), 1))

    def __call__(self, users: np.ndarray, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the ranks, from 0, of (p,) candidates for the users in (p,) rows of (b,) users."""
        scores = unit_rows(self.history[users] @ self.units) @ self.units[self.items].T
        scores[:, self.missing] = ABSENT
        ranks = np.empty(len(rows), np.int64)
        for start in range(0, len(rows), self.block):
            pairs = slice(start, start + self.block)
            own = self.place[items[pairs]]
            ahead = scores[rows[pairs]]
            ahead -= np.take_along_axis(ahead, own[:, None], axis=1)
            earlier = np.arange(len(self.items)) < own[:, None]
            ranks[pairs] = ((ahead > TIE) | ((ahead >= -TIE) & earlier)).sum(1)
        return ranks
