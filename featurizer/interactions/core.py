"""Fewer, denser interactions: one row a user-item pair, and the k-core."""

from __future__ import annotations

import numpy as np
import polars as pl

_PAIR = ("user_id", "item_id")


def deduplicate(interactions: pl.DataFrame) -> pl.DataFrame:
    """Keep the earliest row of each user-item pair (without a time, the first), in the order of the rows."""
    coded = interactions.select(_codes(), "timestamp").with_row_index("row")
    by_time = coded.sort("timestamp", nulls_last=True, maintain_order=True)
    kept = by_time.unique(_PAIR, keep="first", maintain_order=True)["row"]
    return interactions[kept.sort()]


def k_core(interactions: pl.DataFrame, k: int) -> pl.DataFrame:
    """Drop users and items with fewer than k rows until none is left that has; k below 2 drops nothing.

    Expects one row a user-item pair. The result is the largest subset in which every user and every item
    has at least k rows, and does not depend on the order of the rows.
    """
    if k < 2:
        return interactions
    users, items = (column.to_numpy() for column in interactions.select(_codes()))
    rows = np.arange(interactions.height)
    while True:
        dense = _at_least(users[rows], k) & _at_least(items[rows], k)
        if dense.all():
            return interactions[rows]
        rows = rows[dense]


def _codes() -> pl.Expr:
    # a pair of integers is hashed and counted several times as fast as a pair of strings
    return pl.col(_PAIR).cast(pl.Categorical).to_physical()


def _at_least(codes: np.ndarray, k: int) -> np.ndarray:
    return np.bincount(codes)[codes] >= k
