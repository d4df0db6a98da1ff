"""Fewer, denser interactions: one row a user-item pair, and the k-core."""

from __future__ import annotations

import polars as pl


def deduplicate(interactions: pl.DataFrame) -> pl.DataFrame:
    """Keep the earliest row of each user-item pair (without a time, the first), in the order of the rows."""
    row = pl.int_range(pl.len()).alias("row")
    first = interactions.with_columns(row).sort("timestamp", "row", nulls_last=True)
    return first.unique(["user_id", "item_id"], keep="first", maintain_order=True).sort("row").drop("row")


def k_core(interactions: pl.DataFrame, k: int) -> pl.DataFrame:
    """Drop users and items with fewer than k rows until none is left that has; k below 2 drops nothing.

    Expects one row a user-item pair. The result is the largest subset in which every user and every item
    has at least k rows, and does not depend on the order of the rows.
    """
    if k < 2:
        return interactions
    while True:
        kept = interactions.filter(pl.len().over("user_id") >= k).filter(pl.len().over("item_id") >= k)
        if kept.height == interactions.height:
            return kept
        interactions = kept
