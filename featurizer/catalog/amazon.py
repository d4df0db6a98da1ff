"""What the three editions of the Amazon data have in common: cells that may be anything, reviews a line each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from featurizer.errors import InputError
from featurizer.records import Json

_EMPTY = frozenset({"", "nan", "none", "null"})


def text(value: Json) -> str | None:
    """Return a cell as text: a list's parts joined by spaces; None for what stands for nothing (`nan`, `None`, empty)."""
    if isinstance(value, list):
        return text(" ".join(part for part in map(text, value) if part))
    if isinstance(value, float) and value != value:
        return None
    folded = (
        str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    )
    return None if folded.casefold() in _EMPTY else folded


def texts(value: Json) -> tuple[str, ...]:
    """Return the texts in a list or a list of lists, in order, each once; a plain text is a list of one."""
    cells = value if isinstance(value, list) else [value]
    flat = (part for cell in cells for part in (cell if isinstance(cell, list) else [cell]))
    return tuple(dict.fromkeys(part for part in map(text, flat) if part))


def first(values: Iterable[Json]) -> str | None:
    """Return the first value that is text."""
    return next(
        (found for value in values if not isinstance(value, (list, dict)) and (found := text(value))), None
    )


def json_object(line: str) -> dict[str, Json]:
    """Parse a line of JSON.

    Raises:
        ValueError: not JSON, or not an object.
    """
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError(f"a JSON {type(row).__name__}, expected an object")
    return row


def identifier(row: Mapping[str, Json], key: str) -> str:
    """Return the row's id.

    Raises:
        ValueError: the row has none.
    """
    found = text(row.get(key))
    if found is None:
        raise ValueError(f"no {key}; the line has {', '.join(row) or 'no keys'}")
    return found


def extra(row: Mapping[str, Json], used: Iterable[str]) -> dict[str, Json]:
    """Return the columns that are no field of an item."""
    fields = set(used)
    return {name: value for name, value in row.items() if name not in fields}


def scan_reviews(
    path: Path, user: str, item: str, rating: str, time: str, *, time_unit: int = 1
) -> pl.LazyFrame:
    """Read reviews, JSON a line, keeping the four columns that are interactions; the rest is never in memory.

    Args:
        path: `.json`, `.jsonl`, `.gz` may follow.
        user: the key of the user's id.
        item: the key of the item's id.
        rating: the key of the rating.
        time: the key of the time.
        time_unit: how many of the file's time units are a second.
    """
    schema = {user: pl.String, item: pl.String, rating: pl.Float64, time: pl.Int64}
    return _interactions(pl.scan_ndjson(path, schema=schema), user, item, rating, time, time_unit)


def scan_ratings(path: Path, order: tuple[str, ...]) -> pl.LazyFrame:
    """Read a CSV of ratings without header, whose columns are `user`, `item`, `rating`, `time` in this `order`."""
    frame = pl.scan_csv(path, has_header=False, new_columns=list(order), infer_schema=False)
    return _interactions(frame, "user", "item", "rating", "time", 1)


def scan_benchmark(path: Path, *, time_unit: int) -> pl.LazyFrame:
    """Read a CSV whose header names user_id, parent_asin, rating and timestamp.

    Raises:
        InputError: it does not.
    """
    frame = pl.scan_csv(path, infer_schema=False)
    names = ("user_id", "parent_asin", "rating", "timestamp")
    lacking = set(names) - set(frame.collect_schema().names())
    if lacking:
        raise InputError(
            f"{path} lacks the columns {', '.join(sorted(lacking))}; expected {', '.join(names)}"
        )
    return _interactions(frame, *names, time_unit)


def _interactions(
    frame: pl.LazyFrame, user: str, item: str, rating: str, time: str, time_unit: int
) -> pl.LazyFrame:
    return frame.select(
        pl.col(user).alias("user_id"),
        pl.col(item).alias("item_id"),
        (pl.col(time).cast(pl.Float64).cast(pl.Int64) // time_unit).alias("timestamp"),
        pl.col(rating).cast(pl.Float64).alias("rating"),
    )


def is_csv(path: Path) -> bool:
    """Say whether a file's name is that of a CSV, `.gz` or not."""
    return path.name.lower().removesuffix(".gz").endswith(".csv")
