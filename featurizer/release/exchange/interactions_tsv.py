"""Interactions as the tab-separated triples or quadruples that Cornac and Elliot read: user, item, rating, time."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from featurizer.results.files import atomic_path

IMPLICIT = 1.0
"""The rating of an interaction that has none."""


def write_triples(interactions: pl.DataFrame, path: Path) -> None:
    """Write user, item, rating and, where every row has one, the time; no header."""
    columns = [pl.col("user_id"), pl.col("item_id"), pl.col("rating").fill_null(IMPLICIT)]
    if interactions.height and not interactions["timestamp"].null_count():
        columns.append(pl.col("timestamp"))
    with atomic_path(path) as partial:
        interactions.select(columns).write_csv(
            partial, separator="\t", include_header=False, quote_style="never"
        )
