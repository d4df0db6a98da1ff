"""Interactions under indices of users and items: what ranking, training and alignment compute with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from featurizer.interactions.read import SPLITS
from featurizer.interactions.user_items import UserItems


@dataclass(frozen=True, slots=True)
class IndexedInteractions:
    """Who has what in each split.

    Attributes:
        user_ids: u ids.
        item_ids: n ids.
        splits: the pairs of `train`, `valid` and `test`, each once; a split without rows has none.
        rows: how many rows each of them has.
        left_out: rows of users or items that are none of these.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    splits: Mapping[str, UserItems]
    rows: Mapping[str, int]
    left_out: int

    @property
    def repeats(self) -> int:
        """Rows that say again what another row of their split says."""
        return sum(self.rows.values()) - sum(len(pairs.items) for pairs in self.splits.values())

    def together(self) -> UserItems:
        """Return the pairs of all splits, each once."""
        users, items = (
            np.concatenate([getattr(pairs, side) for pairs in self.splits.values()])
            for side in ("users", "items")
        )
        return UserItems.from_pairs(users, items, n_users=len(self.user_ids), n_items=len(self.item_ids))


def index_interactions(
    interactions: pl.DataFrame, item_ids: Sequence[str], user_ids: Sequence[str] | None = None
) -> IndexedInteractions:
    """Turn the ids of split interactions into indices.

    Args:
        interactions: user_id, item_id, split.
        item_ids: n different ids; the rows of other items are left out.
        user_ids: likewise; None for all who have a row of these items, sorted.
    """
    named = interactions.select("user_id", "item_id", "split")
    known = named.join(_indices("item", item_ids), on="item_id")
    if user_ids is None:
        user_ids = known["user_id"].unique().sort().to_list()
    known = known.join(_indices("user", user_ids), on="user_id")
    splits = {name: known.filter(pl.col("split") == name) for name in SPLITS}
    return IndexedInteractions(
        tuple(user_ids),
        tuple(item_ids),
        {
            name: UserItems.from_pairs(
                rows["user"].to_numpy(), rows["item"].to_numpy(), n_users=len(user_ids), n_items=len(item_ids)
            )
            for name, rows in splits.items()
        },
        {name: rows.height for name, rows in splits.items()},
        interactions.height - known.height,
    )


def _indices(side: str, ids: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({f"{side}_id": pl.Series(list(ids), dtype=pl.String), side: np.arange(len(ids))})
