"""`interactions.parquet`: user_id, item_id, timestamp, rating, split."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from featurizer.errors import InputError
from featurizer.interactions.read import SCHEMA, SPLITS, read_interactions
from featurizer.records import Json
from featurizer.results.files import atomic_path

FILE = "interactions.parquet"


def write_interactions(interactions: pl.DataFrame, path: Path) -> None:
    """Write interactions atomically, columns and types as the format says."""
    with atomic_path(path) as partial:
        interactions.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).write_parquet(partial)


def read_split(path: Path, *, item_map: Path | None = None) -> pl.DataFrame:
    """Read interactions that are split already.

    Raises:
        InputError: as `read_interactions`; or rows without a split, or no train rows.
    """
    interactions = read_interactions(path, item_map=item_map)
    missing = interactions["split"].null_count()
    if missing:
        raise InputError(
            f"{path}: {missing} of {interactions.height} rows have no split; expected a column split with "
            f"{', '.join(SPLITS)}. 'featurizer ingest --interactions' splits a file that has none"
        )
    if not (interactions["split"] == "train").any():
        raise InputError(f"{path} has no train rows; expected some to learn from")
    return interactions


def statistics(interactions: pl.DataFrame) -> dict[str, Json]:
    """Return users, items, rows in all and by split, and the share of all pairs that are there."""
    users, items = interactions["user_id"].n_unique(), interactions["item_id"].n_unique()
    by_split = dict(interactions["split"].value_counts().iter_rows())
    return {
        "users": users,
        "items": items,
        "interactions": interactions.height,
        **{name: by_split.get(name, 0) for name in SPLITS},
        "density": round(interactions.height / (users * items), 8) if interactions.height else 0.0,
    }
