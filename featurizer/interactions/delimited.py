"""Interactions as text with separators: Polars reads them; Python's reader says which line is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from featurizer.text_files import csv_rows, open_text

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


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that each row begins in, from 1, and its cells; the header is the first.

    Raises:
        OSError: it cannot be read.
    """
    suffix = suffix_of(path)
    with open_text(path) as file:
        yield from csv_rows(file, SEPARATORS[suffix], quoted=QUOTES[suffix] is not None)
