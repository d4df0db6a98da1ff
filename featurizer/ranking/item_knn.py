"""Ranks by item-kNN scores: what item-CF ranks, without a dense matrix of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.ranks import TIE, FindRanks, train_matrix


def similarity_matrix(neighbors: np.ndarray, cosines: np.ndarray) -> sparse.csr_array:
    """Return the (n, n) float64 similarities: row j holds sim(j, i) at each neighbor i of j.

    Args:
        neighbors: (n, k) indices; -1 is none.
        cosines: (n, k).
    """
    there = neighbors >= 0
    starts = np.concatenate([[0], np.cumsum(there.sum(1))])
    matrix = sparse.csr_array((cosines[there], neighbors[there], starts), shape=(len(neighbors),) * 2)
    matrix.sort_indices()
    return matrix


def item_knn_ranks(similarities: sparse.csr_array, known: np.ndarray, train: UserItems) -> FindRanks:
    """Return what finds ranks by score(u, i) = Σ over the user's train items j of similarities[j, i].

    An item that is nobody's neighbor among them scores 0; one without a vector stands below all others.

    Args:
        similarities: (n, n).
        known: (n,) bool, which items have a vector.
        train: the users' train items.
    """
    n = train.n_items
    history = train_matrix(train)
    known_before = np.concatenate([[0], np.cumsum(known)])

    def find(users: np.ndarray, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        seen_rows, seen = train.pairs_of(users)
        seen_keys = seen_rows * n + seen
        trained, absent = seen_keys[known[seen]], seen_keys[~known[seen]]
        scores = _Scores.of(history[users] @ similarities, seen_keys)
        own = scores.at(rows, items)
        ranks = scores.beating(rows, items, own)
        # Known items that are no neighbor score 0: all of them beat a negative score, the earlier ones equal a 0.
        silent, earlier = (
            known_before[upto] - _before(scores.keys, n, rows, upto) - _before(trained, n, rows, upto)
            for upto in (np.full(len(rows), n), items)
        )
        ranks += np.where(own < -TIE, silent, np.where(own <= TIE, earlier, 0))
        candidates = silent + scores.count[rows]
        last = candidates + items - known_before[items] - _before(absent, n, rows, items)
        return np.where(known[items], ranks, last)

    return find


def _before(keys: np.ndarray, n: int, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Return how many of the sorted keys `row · n + item` are of each (p,) row and an item before `items`."""
    first = rows.astype(np.int64) * n
    return np.searchsorted(keys, first + items) - np.searchsorted(keys, first)


@dataclass(frozen=True, slots=True)
class _Scores:
    """The candidates that have a score, sorted by row and item.

    Attributes:
        keys: (e,) `row · n + item`.
        values: (e,) float64.
        count: (b,) how many a row has.
        n: items in all.
    """

    keys: np.ndarray
    values: np.ndarray
    count: np.ndarray
    n: int

    @classmethod
    def of(cls, scored: sparse.csr_array, seen: np.ndarray) -> _Scores:
        scored.sort_indices()
        height, n = scored.shape
        rows = np.repeat(np.arange(height), np.diff(scored.indptr))
        keys = rows * n + scored.indices
        candidate = ~np.isin(keys, seen, assume_unique=True)
        count = np.bincount(rows[candidate], minlength=height)
        return cls(keys[candidate], scored.data[candidate], count, n)

    def at(self, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the score of each (p,) pair, 0 where there is none."""
        if not len(self.keys):
            return np.zeros(len(rows))
        asked = rows.astype(np.int64) * self.n + items
        found = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        return np.where(self.keys[found] == asked, self.values[found], 0.0)

    def beating(self, rows: np.ndarray, items: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return how many scored items of each (p,) pair's row come before it."""
        counts = self.count[rows]
        pair = np.repeat(np.arange(len(rows)), counts)
        first = np.cumsum(self.count) - self.count
        entry = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts) + first[rows][pair]
        ahead = self.values[entry] - own[pair]
        earlier = self.keys[entry] % self.n < items[pair]
        beats = (ahead > TIE) | ((np.abs(ahead) <= TIE) & earlier)
        return np.bincount(pair, beats, minlength=len(rows)).astype(np.int64)
