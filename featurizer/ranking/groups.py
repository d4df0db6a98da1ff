"""How a model serves the long tail, users of short histories, and items nobody trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.rank import Ranking

DECILES = 10
SHORT_HISTORY = 4


@dataclass(frozen=True, slots=True)
class Group:
    """Recall@K of a part of the users or of the items.

    Attributes:
        name: `items_decile_1` (least popular) … `items_decile_10`, `cold_items`,
            `users_under_4_items`, `all`.
        users: how many users the mean is over.
        positives: how many of their positives are in the group.
        recall: mean over these users of hits in the group / positives in the group; None without users.
    """

    name: str
    users: int
    positives: int
    recall: float | None


def group_recalls(ranking: Ranking, train: UserItems, positives: UserItems, k: int) -> list[Group]:
    """Return Recall@k for all, by item popularity, for cold items and for users of short histories.

    The deciles part the items that have a train pair into ten groups of equal numbers of items, by how many
    users trained on them (equal popularity in the order of the items); cold items have none.
    """
    cut = Ranking(ranking.users, ranking.items[:, :k], ranking.hits[:, :k], ranking.positives)
    popularity = train.popularity()
    deciles = popularity_deciles(popularity)
    everyone = np.ones(len(popularity), bool)
    short = train.counts[cut.users] < SHORT_HISTORY
    by_item = [
        _recall(f"items_decile_{decile}", cut, positives, deciles == decile)
        for decile in range(1, DECILES + 1)
    ]
    return [
        _recall("all", cut, positives, everyone),
        *by_item,
        _recall("cold_items", cut, positives, popularity == 0),
        _recall(f"users_under_{SHORT_HISTORY}_items", _of_users(cut, short), positives, everyone),
    ]


def popularity_deciles(popularity: np.ndarray) -> np.ndarray:
    """Return each item's decile, 1 the least popular; 0 for an item without train pairs."""
    seen = np.flatnonzero(popularity)
    order = seen[np.argsort(popularity[seen], kind="stable")]
    deciles = np.zeros(len(popularity), np.int64)
    deciles[order] = np.arange(len(order)) * DECILES // max(len(order), 1) + 1
    return deciles


def _of_users(ranking: Ranking, chosen: np.ndarray) -> Ranking:
    return Ranking(
        ranking.users[chosen], ranking.items[chosen], ranking.hits[chosen], ranking.positives[chosen]
    )


def _recall(name: str, ranking: Ranking, positives: UserItems, items: np.ndarray) -> Group:
    rows, wanted = positives.pairs_of(ranking.users)
    there = np.bincount(rows[items[wanted]], minlength=len(ranking.users))
    hits = (ranking.hits & items[ranking.items]).sum(1)
    chosen = there > 0
    recall = float((hits[chosen] / there[chosen]).mean()) if chosen.any() else None
    return Group(name, int(chosen.sum()), int(there.sum()), recall)
