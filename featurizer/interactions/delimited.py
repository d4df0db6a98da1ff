"""Interactions as text with separators: Polars reads them; Python's reader says which line is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from featurizer.errors import InputError
from featurizer.text_files import csv_rows, open_text, separator_hint
from featurizer.values import NOTHING

SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t"}
"""By suffix."""
QUOTES = {".csv": '"', ".tsv": '"', ".inter": None}
"""What a cell may be put in; None where a quote is a letter."""


def suffix_of(path: Path) -> str:
    """Return a file's suffix in small letters, without `.gz`."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def place_of(path: Path, row: int) -> str:
    """Say where the row of a number, from 0, stands in a file: the line, or of Parquet the row, from 1.

    Raises:
        OSError: it cannot be read.
    """
    if suffix_of(path) not in SEPARATORS:
        return f"row {row + 1}"
    return next(
        (f"line {line}" for at, (line, _) in enumerate(rows(path), start=-1) if at == row), f"row {row + 1}"
    )


def uneven(path: Path) -> InputError | None:
    """Return the error for the first row with more or fewer cells than the header; None where all have as many.

    Raises:
        OSError: it cannot be read.
    """
    each = rows(path)
    _, header = next(each, (1, []))
    for line, cells in each:
        if cells and len(cells) != len(header):
            return InputError(
                f"{path}, line {line} has {len(cells)} cells, its header {len(header)}; "
                f"check quotes and separators.{separator_hint(header)}"
            )
    return None


def trimmed(cells: pl.Series) -> pl.Series:
    """Return text without blanks around it, null where programs write that there is nothing."""
    cells = cells.str.strip_chars()
    return cells.set(cells.is_in(list(NOTHING)), None)


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that each row begins in, from 1, and its cells; the header is the first.

    Raises:
        OSError: it cannot be read.
    """
    suffix = suffix_of(path)
    with open_text(path) as file:
        yield from csv_rows(file, SEPARATORS[suffix], quoted=QUOTES[suffix] is not None)
