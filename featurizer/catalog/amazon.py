"""What the three Amazon editions have in common: cells that may be anything, reviews a line each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.values import as_id

_EMPTY = frozenset({"", "nan", "none", "null"})
_HALF_CHARACTER = r"\ud"


def text(value: Json) -> str | None:
    """Return a cell as text, a list's parts joined by spaces; None for `nan`, `None` and the empty."""
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
    try:
        row = json.loads(line, parse_constant=_nothing)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    if not isinstance(row, dict):
        raise ValueError(f"a JSON {type(row).__name__}, expected an object")
    return plain_object(row) if _HALF_CHARACTER in line.lower() else row


def plain_object(row: Mapping[object, object]) -> dict[str, Json]:
    """Return a parsed line as JSON can hold it, with characters that were escaped in halves made whole.

    Raises:
        ValueError: a key that is no text, or a value that is no JSON (a set, bytes).
    """
    strange = next((key for key in row if not isinstance(key, str)), None)
    if strange is not None:
        raise ValueError(f"a key that is a {type(strange).__name__}, expected text")
    return {_whole(str(key)): _plain(value) for key, value in row.items()}


def _plain(value: object) -> Json:
    if isinstance(value, str):
        return _whole(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return plain_object(value)
    raise ValueError(f"a value that is a {type(value).__name__}, expected what JSON can hold")


def _whole(value: str) -> str:
    # half a surrogate pair, as a cut-off text leaves it, can be stored in no file
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _nothing(_constant: str) -> None:
    """Read NaN and Infinity, which are no JSON, as an empty cell."""


def identifier(row: Mapping[str, Json], key: str) -> str:
    """Return the row's id.

    Raises:
        ValueError: the row has none.
    """
    found = as_id(text(row.get(key)))
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
    schema = {user: pl.String, item: pl.String, rating: pl.Float64, time: pl.Float64}
    return _interactions(pl.scan_ndjson(path, schema=schema), user, item, rating, time, time_unit)


def scan_ratings(path: Path, order: tuple[str, ...]) -> pl.LazyFrame:
    """Read a CSV of ratings without header; `order` places the names `user`, `item`, `rating`, `time`."""
    frame = pl.scan_csv(path, has_header=False, new_columns=list(order), infer_schema=False)
    return _interactions(frame, "user", "item", "rating", "time", 1)


def scan_benchmark(path: Path, *, time_unit: int) -> pl.LazyFrame:
    """Read a CSV whose header names user_id, parent_asin, rating and timestamp.

    Raises:
        InputError: it does not, or the file cannot be read.
    """
    frame = pl.scan_csv(path, infer_schema=False)
    names = ("user_id", "parent_asin", "rating", "timestamp")
    try:
        lacking = set(names) - set(frame.collect_schema().names())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}. Download it again.") from error
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
