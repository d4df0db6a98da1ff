"""Inner folds of items: a fifth of the seen items loses its interactions, and is ranked by content alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from featurizer.interactions.user_items import UserItems

PARTS = 5
K = 20
"""Of the held-out items so many are shown to a user; a quarter of them where they are fewer than 80."""
MOST = 2_000
"""Items held out in a fold, at most: each user is ranked all of them."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold.

    Attributes:
        train: the interactions of the other items.
        held: (h,) the items held out.
        rows: (r,) the items that ranking looks at, ascending: those held out, and those in profiles.
        profiles: (b, r) float32, each ranked user's other items, adding up to 1.
        users: (p,) the ranked user of each pair that should be found, ascending.
        wanted: (p,) its item, by place in `held`.
        k: how many of the items held out are shown to each user.
    """

    train: UserItems
    held: np.ndarray
    rows: np.ndarray
    profiles: sparse.csr_array
    users: np.ndarray
    wanted: np.ndarray
    k: int

    def recall(self, vectors: np.ndarray) -> float:
        """Return the mean Recall@k of the (r, d) vectors of `rows`, by cosine, the held-out items among themselves."""
        return float(self.recalls(vectors).mean())

    def recalls(self, vectors: np.ndarray) -> np.ndarray:
        """Return each of the (b,) users' Recall@k, likewise: their mean vector against each item, all centered."""
        units = centered_units(vectors)
        scores = (self.profiles @ units) @ units[np.searchsorted(self.rows, self.held)].T
        found = among_first(scores, self.users, self.wanted, self.k)
        hits = np.bincount(self.users, found, minlength=len(scores))
        return np.asarray(hits / np.bincount(self.users, minlength=len(scores)))


def centered_units(vectors: np.ndarray) -> np.ndarray:
    """Return (r, d) float32 vectors less their mean, of length 1; zero rows stay zero, and out of the mean."""
    absent = ~vectors.any(1)
    moved = vectors - (vectors.sum(0, dtype=np.float64) / max(int((~absent).sum()), 1)).astype(np.float32)
    moved[absent] = 0
    lengths = np.sqrt(np.einsum("rd,rd->r", moved, moved))[:, None]
    return np.divide(moved, lengths, out=moved, where=lengths > 0)


def among_first(scores: np.ndarray, rows: np.ndarray, columns: np.ndarray, k: int) -> np.ndarray:
    """Say of (p,) cells of (b, h) scores whether each is among the k best of its row, the first of equal ones.

    No row is sorted: the k-th best score decides all but its equals.
    """
    h = scores.shape[1]
    if h <= k:
        return np.ones(len(rows), bool)
    last = np.partition(scores, h - k, axis=1)[:, h - k]
    own = scores[rows, columns]
    found = own > last[rows]
    for pair in np.flatnonzero(own == last[rows]).tolist():
        row = scores[rows[pair]]
        found[pair] = (row > own[pair]).sum() + (row[: columns[pair]] == own[pair]).sum() < k
    return np.asarray(found)


def folds(train: UserItems, count: int, users: int, seed: int) -> Iterator[Fold]:
    """Yield folds of the items that somebody has; one with nobody to rank for is left out.

    Args:
        train: who has what.
        count: how many of the five.
        users: ranked for in each, at most.
        seed: of both draws.
    """
    seen = np.flatnonzero(train.popularity() > 0)
    order = np.random.default_rng([seed, 3]).permutation(seen)
    k = max(1, min(K, min(len(seen) // PARTS, MOST) // 4))
    for part in range(count):
        held = np.sort(order[part::PARTS][:MOST])
        made = fold_of(train, held, k, users, np.random.default_rng([seed, 4, part]))
        if made is not None:
            yield made


def fold_of(train: UserItems, held: np.ndarray, k: int, users: int, draw: np.random.Generator) -> Fold | None:
    """Hold some items out and show k of them to so many users at most; None where there is nobody to rank for."""
    inside = np.zeros(train.n_items, bool)
    inside[held] = True
    kept, shown = train.of_items(~inside), train.of_items(inside)
    able = np.flatnonzero((kept.counts > 0) & (shown.counts > 0))
    if not len(able):
        return None
    able = np.sort(draw.permutation(able)[:users])
    owners, items = kept.pairs_of(able)
    rows = np.union1d(held, items)
    shares = (1 / kept.counts[able])[owners].astype(np.float32)
    profiles = sparse.csr_array(
        (shares, (owners, np.searchsorted(rows, items))), shape=(len(able), len(rows))
    )
    owners, items = shown.pairs_of(able)
    return Fold(kept, held, rows, profiles, owners, np.searchsorted(held, items), k)
