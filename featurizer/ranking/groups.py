"""How a model serves the long tail, users of short histories, and items nobody trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.rank import Ranking

DECILES = 10
SHORT_HISTORY = 4


@dataclass(frozen=True, slots=True)
class GroupRecall:
    """Recall@K of a part of the users or of the items, user by user.

    Attributes:
        name: `items_decile_1` (least popular) … `items_decile_10`, `cold_items`,
            `users_under_4_items`, `all`.
        values: (u,) hits in the group / positives in the group; 0 where there are none.
        counted: (u,) bool, the users that have positives in the group, or are it.
        positives: how many positives of these users are in the group.
    """

    name: str
    values: np.ndarray
    counted: np.ndarray
    positives: int

    @property
    def users(self) -> int:
        """How many users the mean is over."""
        return int(self.counted.sum())

    @property
    def recall(self) -> float | None:
        """The mean over these users; None without users."""
        return float(self.values[self.counted].mean()) if self.counted.any() else None


def recall_by_group(
    rows: np.ndarray, items: np.ndarray, hit: np.ndarray, train: UserItems, users: np.ndarray
) -> Iterator[GroupRecall]:
    """Yield Recall@K by item popularity, for cold items and for users of short histories.

    The deciles part the items that have a train pair into ten groups of equal numbers of items, by how many
    users trained on them (equal popularity in the order of the items); cold items have none.

    Args:
        rows: (p,) the position in `users` of each positive's user.
        items: (p,) the positives.
        hit: (p,) bool, whether it is among the user's first K.
        train: what the users trained on.
        users: (u,) the users.
    """
    popularity = train.popularity()
    deciles = popularity_deciles(popularity)
    groups = {f"items_decile_{decile}": deciles == decile for decile in range(1, DECILES + 1)}
    groups["cold_items"] = popularity == 0
    everyone = np.ones(len(users), bool)
    for name, inside in groups.items():
        yield _recall(name, rows, hit, inside[items], everyone)
    short = train.counts[users] < SHORT_HISTORY
    yield _recall(f"users_under_{SHORT_HISTORY}_items", rows, hit, np.ones(len(items), bool), short)


def _recall(
    name: str, rows: np.ndarray, hit: np.ndarray, inside: np.ndarray, chosen: np.ndarray
) -> GroupRecall:
    wanted = np.bincount(rows, inside, minlength=len(chosen))
    hits = np.bincount(rows, inside & hit, minlength=len(chosen))
    counted = chosen & (wanted > 0)
    values = np.divide(hits, wanted, out=np.zeros(len(chosen)), where=wanted > 0)
    return GroupRecall(name, values, counted, int(wanted[counted].sum()))


def group_recalls(ranking: Ranking, train: UserItems, positives: UserItems, k: int) -> list[GroupRecall]:
    """Return the Recall@k of all, then of each group of `recall_by_group`."""
    rows, items = positives.pairs_of(ranking.users)
    hit = ranking.shows(rows, items, k)
    every = np.ones(len(items), bool), np.ones(len(ranking.users), bool)
    return [_recall("all", rows, hit, *every), *recall_by_group(rows, items, hit, train, ranking.users)]


def popularity_deciles(popularity: np.ndarray) -> np.ndarray:
    """Return each item's decile, 1 the least popular; 0 for an item without train pairs."""
    seen = np.flatnonzero(popularity)
    order = seen[np.argsort(popularity[seen], kind="stable")]
    deciles = np.zeros(len(popularity), np.int64)
    deciles[order] = np.arange(len(order)) * DECILES // max(len(order), 1) + 1
    return deciles
