"""Inner folds of items: a fifth of the seen items loses its interactions, and is ranked by content alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from featurizer.features.join import centered, unit_rows
from featurizer.interactions.user_items import UserItems

PARTS = 5
K = 20
MOST = 10_000
"""Items held out in a fold, at most: each user is ranked all of them."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold.

    Attributes:
        train: the interactions of the other items.
        held: (h,) the items held out.
        profiles: (b, n) float32, each ranked user's other items, adding up to 1.
        positives: (b, h) bool, what a user should be shown.
    """

    train: UserItems
    held: np.ndarray
    profiles: sparse.csr_array
    positives: np.ndarray

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Return the (b, h) products of each user's mean vector with the held-out items' vectors, all centered."""
        units = unit_rows(centered(vectors, np.ones(len(vectors), bool)))
        return np.asarray((self.profiles @ units) @ units[self.held].T)

    def recall(self, vectors: np.ndarray) -> float:
        """Return the mean Recall@20 of (n, d) vectors, by cosine, the held-out items among themselves."""
        return float(self.recalls(vectors).mean())

    def recalls(self, vectors: np.ndarray) -> np.ndarray:
        """Return each of the (b,) users' Recall@20, likewise."""
        k = min(K, len(self.held))
        order = np.argsort(-self.scores(vectors), axis=1, kind="stable")[:, :k]
        hits = np.take_along_axis(self.positives, order, axis=1).sum(1)
        return np.asarray(hits / self.positives.sum(1))


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
    for part in range(count):
        held = np.sort(order[part::PARTS][:MOST])
        made = fold_of(train, held, users, np.random.default_rng([seed, 4, part]))
        if made is not None:
            yield made


def fold_of(train: UserItems, held: np.ndarray, users: int, draw: np.random.Generator) -> Fold | None:
    """Hold some items out, and rank for so many users at most; None where there is nobody to rank for."""
    inside = np.zeros(train.n_items, bool)
    inside[held] = True
    kept, shown = train.of_items(~inside), train.of_items(inside)
    able = np.flatnonzero((kept.counts > 0) & (shown.counts > 0))
    if not len(able):
        return None
    able = np.sort(draw.permutation(able)[:users])
    rows, items = kept.pairs_of(able)
    shares = (1 / kept.counts[able])[rows].astype(np.float32)
    profiles = sparse.csr_array((shares, (rows, items)), shape=(len(able), train.n_items))
    place = np.cumsum(inside) - 1
    rows, items = shown.pairs_of(able)
    positives = np.zeros((len(able), len(held)), bool)
    positives[rows, place[items]] = True
    return Fold(kept, held, profiles, positives)
