"""Reviews, JSON a line: the four values that are an interaction, block by block; a line that is broken costs itself."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from math import isfinite, nan
from pathlib import Path
from typing import BinaryIO

import polars as pl

from featurizer.errors import InputError
from featurizer.tables.json_lines import json_object
from featurizer.unpacked import open_lines
from featurizer.values import as_id

BLOCK = 1 << 25
"""Bytes read at once."""
REPLACED = "\ufffd"
"""Stands where bytes are no UTF-8."""
MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
BROKEN = (None, None, None, None)


def read_reviews(path: Path, user: str, item: str, rating: str, time: str) -> pl.DataFrame:
    """Read user, item: string, rating, time: float64 and line, from 1; a line that is broken has neither user nor item.

    Args:
        path: `.gz` may follow.
        user: the key of the user's id.
        item: the key of the item's id.
        rating: the key of the rating: a number, in quotes too; NaN is none.
        time: the key of the time, likewise.

    Raises:
        InputError: the file cannot be opened, or ends inside its compression.
    """
    schema: dict[str, type[pl.DataType]] = {
        user: pl.String,
        item: pl.String,
        rating: pl.Float64,
        time: pl.Float64,
    }
    try:
        with open_lines(path) as file:
            frames = [_block(block, schema, first) for block, first in _blocks(file)]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read to its end: {error}. Delete it and download it again."
        ) from error
    return pl.concat(frames) if frames else _numbered(pl.DataFrame(schema=schema), 1)


def _blocks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield whole lines, many at a time, and the number of the first."""
    rest, first = file.read(len(MARK)).removeprefix(MARK), 1
    while chunk := file.read(BLOCK):
        whole, end, rest = (rest + chunk).rpartition(b"\n")
        if end:
            yield whole, first
            first += whole.count(b"\n") + 1
    if rest:
        yield rest, first


def _block(block: bytes, schema: Mapping[str, type[pl.DataType]], first: int) -> pl.DataFrame:
    lines = block.count(b"\n") + 1
    try:
        frame = pl.read_ndjson(io.BytesIO(block), schema=schema)
        if frame.height == lines:  # else some are empty, and the others have another number than it seems
            return _numbered(frame, first)
    except pl.exceptions.PolarsError:
        pass  # a line is broken: which one, only a look at each tells
    rows = [_line(line, list(schema)) for line in block.split(b"\n")]
    frame = _numbered(pl.DataFrame(rows, schema=schema, orient="row"), first)
    blank = [not line.strip() for line in block.split(b"\n")]
    return frame.filter(~pl.Series(blank))


def _numbered(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    return frame.with_columns(pl.int_range(first, first + frame.height).alias("line"))


def _line(line: bytes, keys: list[str]) -> tuple[str | None, str | None, float | None, float | None]:
    try:
        row = json_object(line.decode("utf-8", "replace"))
        user, item = (as_id(row.get(key)) for key in keys[:2])
        rating, time = (_number(row.get(key)) for key in keys[2:])
    except (ValueError, InputError):
        return BROKEN
    return BROKEN if REPLACED in f"{user}{item}" else (user, item, rating, time)


def _number(value: object) -> float | None:
    """Return a number, in quotes too; None where there is none.

    Raises:
        ValueError: it is something else.
    """
    if value is None or value == "":
        return None
    found = float(value) if isinstance(value, int | float | str) else nan
    return found if isfinite(found) else None
