"""Where the positives stand: enough for every metric at K, and far cheaper than the whole list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import sparse

from featurizer.errors import InputError
from featurizer.interactions.user_items import UserItems
from featurizer.progress import Progress, Report, silent

TIE = 1e-9
"""Scores that differ by no more are equal, and equal scores rank in the order of the items."""

FindRanks: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(b,) users, (p,) rows into them and (p,) items to the (p,) ranks of the items, from 0; at least K is K."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """What the ranked users wanted, and where it stood in their lists.

    Attributes:
        users: (u,) indices of the users that have positives and train items.
        rows: (p,) the position in `users` of each positive's user, increasing.
        items: (p,) the positives.
        ranks: (p,) int32, 0 the best; `k` where it is not among the first k.
        k: the longest list that a metric may ask for.
    """

    users: np.ndarray
    rows: np.ndarray
    items: np.ndarray
    ranks: np.ndarray
    k: int

    @property
    def positives(self) -> np.ndarray:
        """(u,) how many positives a user has."""
        return np.bincount(self.rows, minlength=len(self.users))

    @property
    def hits(self) -> np.ndarray:
        """(u, k) bool, whether a positive stands there; what `metrics` reads."""
        hits = np.zeros((len(self.users), self.k), bool)
        shown = self.ranks < self.k
        hits[self.rows[shown], self.ranks[shown]] = True
        return hits


def train_matrix(train: UserItems) -> sparse.csr_array:
    """Return (u, n): 1 at each train pair; times the items' rows it sums those that a user trained on."""
    ones = np.ones(len(train.items))
    return sparse.csr_array((ones, train.items, train.starts), shape=(train.n_users, train.n_items))


def ranked_users(train: UserItems, positives: UserItems) -> np.ndarray:
    """Return the (u,) users that have both train items and positives.

    Raises:
        InputError: there is none.
    """
    users = np.flatnonzero((train.counts > 0) & (positives.counts > 0))
    if not len(users):
        raise InputError(
            f"no user to rank for: {np.count_nonzero(train.counts)} users have train items, "
            f"{np.count_nonzero(positives.counts)} have positives and none has both; check the split"
        )
    return users


def find_ranks(
    find: FindRanks,
    train: UserItems,
    splits: Sequence[UserItems],
    k: int,
    *,
    block: int,
    report: Report = silent,
) -> list[Ranks]:
    """Rank the positives of several splits in one pass over the users.

    Candidates are all items but the user's train items, in every split: with test positives, valid items stay
    candidates. A positive that is a train item too is never shown.

    Args:
        find: ranks the positives of a block of users.
        train: what the users' scores come from.
        splits: the positives, one a split.
        k: the longest list that a metric will ask for.
        block: users at once.
        report: told how many users are done, where there is more than one block.

    Raises:
        InputError: a split has no user with train items and positives.
    """
    ranked = [ranked_users(train, positives) for positives in splits]
    users = np.unique(np.concatenate(ranked))
    found: list[list[np.ndarray]] = [[] for _ in splits]
    for start in range(0, len(users), block):
        part = users[start : start + block]
        pairs = [positives.pairs_of(part) for positives in splits]
        rows, items = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
        ranks = np.minimum(find(part, rows, items), k)
        ranks[train.contains(part[rows], items)] = k
        ends = np.cumsum([len(pair[0]) for pair in pairs])[:-1]
        for kept, values in zip(found, np.split(ranks.astype(np.int32), ends), strict=True):
            kept.append(values)
        if len(users) > block:
            report(Progress("rank", min(start + block, len(users)), len(users), unit="users"))
    return [
        Ranks(own, *positives.pairs_of(own), np.concatenate(values), k)
        for own, positives, values in zip(ranked, splits, found, strict=True)
    ]
