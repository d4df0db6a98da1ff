"""Columns that are not called like what they seem to be: offered, never taken."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from featurizer.catalog.picture_cells import reference
from featurizer.values import as_id

logger = logging.getLogger(__name__)

ROWS = 1000
"""So many rows are looked at."""
LOOKED = 100
"""So many files are looked for."""
FULL = 0.8
"""Of the cells that hold anything so many must be addresses of pictures."""
_PICTURE = re.compile(
    r"(?:https?://|//|file:)\S+|\S[^|,;]*\.(?:jpe?g|png|webp|gif|tiff?|bmp|avif|heic)", re.IGNORECASE
)
_FILE = re.compile(
    r"(?!//|\w{2,}:)(?:[A-Za-z]:)?[^:|,;]+\.(?:jpe?g|png|webp|gif|tiff?|bmp|avif|heic)", re.IGNORECASE
)
_SUFFIXED = re.compile(r"\.(?:jpe?g|png|webp|gif|tiff?|bmp|avif|heic)\b", re.IGNORECASE)


def picture_candidates(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> list[str]:
    """Return the columns whose cells are addresses, or names of pictures; those with the suffix of one first."""
    found: list[tuple[bool, str]] = []
    for column in columns:
        cells, addresses = _addresses(rows, column)
        if addresses and len(addresses) >= FULL * len(cells):
            suffixed = sum(bool(_SUFFIXED.search(cell)) for cell in addresses)
            found.append((2 * suffixed < len(addresses), column))
    return [column for _, column in sorted(found, key=lambda one: one[0])]


def unfound(names: Sequence[str], folder: Path) -> str | None:
    """Return the first name of a picture's file, with the folders that it names, where none of them lies in the folder.

    Args:
        names: cells of the column of pictures.
        folder: that they are looked for in.
    """
    files = [name.strip() for name in names if _FILE.fullmatch(name.strip())]
    found = (reference(name, folder).path for name in files[:LOOKED])
    return files[0] if files and not any(path is not None and path.exists() for path in found) else None


def say_unfound(column: str, name: str, folder: Path) -> None:
    """Warn of a column of file names whose folder is not known."""
    logger.warning(
        "%s holds names of files such as %s, and none of those looked for lies in %s: name their folder with --images",
        column,
        name,
        folder,
    )


def holds_pictures(rows: Sequence[Mapping[str, object]], column: str) -> bool:
    """Say whether a column's texts are addresses or names of pictures, as far as there are any; a number is none."""
    cells, addresses = _addresses(rows, column)
    numbers = any(isinstance(row.get(column), int | float) for row in rows)
    return not numbers and len(addresses) >= FULL * len(cells)


def _addresses(rows: Sequence[Mapping[str, object]], column: str) -> tuple[list[str], list[str]]:
    """Return the texts of a column that hold anything, and those of them that are addresses or names of pictures."""
    told = (cell.strip() for row in rows if isinstance(cell := row.get(column), str))
    cells = [cell for cell in told if cell]
    return cells, [cell for cell in cells if _PICTURE.match(cell)]


def empty_columns(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> set[str]:
    """Return the columns in which none of the rows holds anything; none where there are no rows."""
    holding = {name for row in rows for name, cell in row.items() if cell not in (None, "", [], {})}
    return set(columns) - holding if rows else set()


def id_candidates(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> list[str]:
    """Return the columns that hold a short value in every row, each another."""
    found = []
    for column in columns:
        cells = [row.get(column) for row in rows]
        texts = [as_id(cell) for cell in cells if isinstance(cell, str | int | bytes)]
        ids = [text for text in texts if text is not None and len(text) <= 64 and " " not in text]
        if rows and len(set(ids)) == len(rows):
            found.append(column)
    return found


def say_pictures(columns: Sequence[str]) -> None:
    """Warn of columns that seem to hold pictures, where none is read as such."""
    if columns:
        logger.warning(
            "no column is read as pictures, and %s full of addresses: name one with --image-column %r",
            f"{', '.join(columns)} {'are' if len(columns) > 1 else 'is'}",
            columns[0],
        )
