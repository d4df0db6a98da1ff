"""A file as the table that it is: by the suffix, or by its first bytes where that says nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

from featurizer.encodings import UTF8, marked
from featurizer.errors import InputError
from featurizer.tables.delimited import DelimitedTable
from featurizer.tables.feed import FeedTable
from featurizer.tables.json_tables import JsonLinesTable, JsonTable
from featurizer.tables.parquet import ArrowTable, ParquetTable
from featurizer.tables.reading import AS_FOUND, Reading
from featurizer.tables.sheet import SUFFIXES as SHEETS
from featurizer.tables.sheet import SheetTable
from featurizer.tables.table import Table
from featurizer.unpacked import open_bytes, unpacked_name

DELIMITED = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".inter")
LINES = (".jsonl", ".ndjson")
SUFFIXES = (*DELIMITED, *LINES, ".json", ".parquet", ".arrow", *SHEETS, ".xml", ".rss", ".atom")
"""What tables are called; `.gz` or `.zst` may follow those of text."""
_START = 1 << 12
_LISTING = re.compile(r'\{\s*"[^"]*"\s*:\s*\[\s*\{')


def suffix_of(path: Path) -> str:
    """Return the suffix that says what a table is, in small letters; empty where none does."""
    name = unpacked_name(path)
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


def open_table(path: Path, reading: Reading = AS_FOUND) -> Table:
    """Return the table in a file.

    Args:
        path: of any of `SUFFIXES`, or of none of them: then its first bytes say what it is.
        reading: what is known of it.

    Raises:
        InputError: it can be no table.
    """
    suffix = suffix_of(path)
    if suffix in ("", ".txt", ".dat", ".json"):
        suffix = _looked_at(path, suffix)
    if reading.sheet is not None and suffix not in SHEETS:
        raise InputError(
            f"{path} is no spreadsheet, and the sheet '{reading.sheet}' is asked of it; expected {', '.join(SHEETS)}"
        )
    if suffix == ".parquet":
        return ParquetTable(path)
    if suffix == ".arrow":
        return ArrowTable(path)
    if suffix in SHEETS:
        return SheetTable(path, reading.sheet)
    if suffix in LINES:
        return JsonLinesTable(path, reading)
    if suffix == ".json":
        return JsonTable(path, reading)
    if suffix in (".xml", ".rss", ".atom"):
        return FeedTable(path)
    return DelimitedTable(path, suffix, reading)


def _looked_at(path: Path, suffix: str) -> str:
    """Return the suffix that a file's first bytes stand for.

    Raises:
        InputError: they are those of no table.
    """
    try:
        with open_bytes(path) as file:
            start = file.read(_START)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    magic = {b"PAR1": ".parquet", b"PK\x03\x04": ".xlsx", b"\xd0\xcf\x11\xe0": ".xls"}
    if start[:4] in magic:
        return magic[start[:4]]
    text = start.decode(marked(start) or UTF8, "ignore").lstrip("\ufeff \t\r\n")
    if text.startswith(("<?xml", "<rss", "<feed")):
        return ".xml"
    if text.startswith("["):
        return ".json"
    if text.startswith("{"):
        return _of_objects(text)
    if suffix == ".json" or b"\0\0\0" in start:
        raise InputError(
            f"{path}: cannot tell the table's format; expected one of {', '.join(SUFFIXES)} (.gz or .zst may follow)"
        )
    return suffix or ".csv"


def _of_objects(text: str) -> str:
    """Tell objects a line from one object with a list inside."""
    if _LISTING.match(text):
        return ".json"
    head, newline, _ = text.partition("\n")
    try:
        json.loads(head)
    except ValueError:
        return (
            ".json" if newline else ".jsonl"
        )  # an object over several lines; a line longer than what was looked at
    return ".jsonl"
