"""What the three Amazon editions have in common: cells that may be anything, reviews a line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from featurizer.catalog.review_lines import REPLACED, read_reviews
from featurizer.errors import InputError
from featurizer.records import ImageRef, Json
from featurizer.values import NOTHING, as_id


def text(value: Json) -> str | None:
    """Return a cell as text, a list's parts joined by spaces; None for an empty one (`NOTHING`)."""
    if isinstance(value, list):
        return text(" ".join(part for part in map(text, value) if part))
    if isinstance(value, float) and value != value:
        return None
    folded = (
        str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    )
    return None if folded in NOTHING else folded


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


def pictures(names: Iterable[str | None]) -> tuple[ImageRef, ...]:
    """Return an item's pictures in this order, each once; one that is none where it names none."""
    named = dict.fromkeys(name for name in names if name)
    return tuple(ImageRef(url=name) for name in named) or (ImageRef(),)


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
    frame = read_reviews(path, user, item, rating, time).lazy()
    return _interactions(frame, user, item, rating, time, time_unit)


def scan_ratings(path: Path, order: tuple[str, ...]) -> pl.LazyFrame:
    """Read a CSV of ratings without header; `order` places the names `user`, `item`, `rating`, `time`."""
    # a line is cut at its commas here: quotes are not expected, and one alone would swallow the lines up to the next
    lines = pl.scan_csv(
        path,
        has_header=False,
        schema={"text": pl.String},
        separator="\x01",
        quote_char=None,
        encoding="utf8-lossy",
        row_index_name="line",
        row_index_offset=1,
    ).filter(pl.col("text").is_not_null())
    cells = pl.col("text").str.split(",").list
    whole = pl.when(cells.len() == len(order))
    named = lines.select(
        "line",
        *(
            whole.then(cells.get(place, null_on_oob=True).str.strip_chars('" \r')).alias(name)
            for place, name in enumerate(order)
        ),
    )
    return _interactions(named, "user", "item", "rating", "time", 1)


def scan_benchmark(path: Path, *, time_unit: int) -> pl.LazyFrame:
    """Read a CSV whose header names user_id, parent_asin, rating and timestamp.

    Raises:
        InputError: it does not, or the file cannot be read.
    """
    frame = pl.scan_csv(
        path, infer_schema=False, encoding="utf8-lossy", row_index_name="line", row_index_offset=2
    )
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
    """Return the four columns and the line; a row that cannot be read has neither user nor item."""
    numbers = {name: pl.col(name).cast(pl.Float64, strict=False) for name in (rating, time)}
    sound = pl.all_horizontal(
        *(pl.col(name).str.contains(REPLACED, literal=True).not_() for name in (user, item)),
        *(pl.col(name).is_null() | number.is_not_null() for name, number in numbers.items()),
    )
    finite = {name: pl.when(number.is_finite()).then(number) for name, number in numbers.items()}
    return frame.select(
        pl.when(sound).then(pl.col(user)).alias("user_id"),
        pl.when(sound).then(pl.col(item)).alias("item_id"),
        (finite[time].cast(pl.Int64) // time_unit).alias("timestamp"),
        finite[rating].alias("rating"),
        "line",
    )


def is_csv(path: Path) -> bool:
    """Say whether a file's name is that of a CSV, `.gz` or not."""
    return path.name.lower().removesuffix(".gz").endswith(".csv")
