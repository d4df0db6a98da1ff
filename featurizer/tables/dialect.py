"""How separated cells are separated: found by trying, the one that gives rows of one width is taken."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from featurizer.text_files import csv_rows, open_text

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
"""Those that are tried, and what they are called."""
USUAL = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".psv": "|", ".inter": "\t"}
"""What a file's name lets expect; taken where nothing speaks for another."""
LETTERS, RECORDS = 1 << 18, 200
"""So much of a file is tried."""
EVEN, UNEVEN = 0.9, 0.5
"""So large a share of the rows is as wide as the header where cells are separated so; and at least."""
INTER = ".inter"
"""MMRec's and RecBole's interactions: tabs, and quotes are letters."""
SEP = "sep="
"""How Excel says in a first line what separates the cells."""
TEMPLATE = "TemplateType="
"""How Amazon's flat files begin: two lines of explanations, and then the names."""


@dataclass(frozen=True, slots=True)
class Dialect:
    r"""How a file's cells are separated.

    Attributes:
        delimiter: one sign.
        quoted: whether a cell may be put in `"`.
        escaped: whether a quote inside a cell may be written `\"`.
        skipped: so many records stand before the header.
    """

    delimiter: str
    quoted: bool = True
    escaped: bool = False
    skipped: int = 0

    def records(self, file: TextIO, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
        """Yield the line, from 1, and the cells of each record, the header first; blank lines are none."""
        escape = "\\" if self.escaped else None
        rows = csv_rows(
            file, self.delimiter, quoted=self.quoted, escape=escape, strict=strict and self.quoted
        )
        return islice((row for row in rows if row[1]), self.skipped, None)

    @property
    def told(self) -> str:
        """What separates the cells, in words."""
        return DELIMITERS.get(self.delimiter, repr(self.delimiter))


def dialect_of(path: Path, codec: str, suffix: str, delimiter: str | None = None) -> Dialect:
    """Return how a file's cells are separated.

    Args:
        path: the file.
        codec: its encoding.
        suffix: of its name.
        delimiter: where it is known.

    Raises:
        UnicodeDecodeError: the start is not in that encoding.
        OSError: it cannot be read.
    """
    if suffix == INTER:
        return Dialect("\t", quoted=False)
    with open_text(path, codec) as file:
        text = file.read(LETTERS)
        whole = not file.read(1)
    first = text.partition("\n")[0].strip().strip('"')
    if first.lower().startswith(SEP) and len(first) == len(SEP) + 1:
        return Dialect(delimiter or first[-1], skipped=1)
    usual = USUAL.get(suffix, ",")
    candidates = [delimiter] if delimiter else sorted(DELIMITERS, key=lambda sign: sign != usual)
    trials: list[_Trial] = []
    for style in ({}, {"escaped": True}, {"quoted": False}):
        tried = [_try(Dialect(sign, **style), text, whole=whole) for sign in candidates]
        trials += [one for one in tried if one.evenness >= UNEVEN and one.width > 1]
        if any(one.evenness >= EVEN for one in trials):
            break
    best = max(
        trials, key=lambda one: (round(one.evenness, 1), -one.dialect.skipped, one.width), default=None
    )
    return Dialect(delimiter or usual) if best is None else best.dialect


@dataclass(frozen=True, slots=True)
class _Trial:
    dialect: Dialect
    evenness: float
    width: int


def _try(dialect: Dialect, text: str, *, whole: bool) -> _Trial:
    records: list[list[str]] = []
    failed = False
    try:
        for _, cells in islice(dialect.records(io.StringIO(text, newline="")), RECORDS):
            records.append(cells)
    except csv.Error:
        failed = whole or len(records) < 2
    if not whole and len(records) < RECORDS:
        records = records[:-1]  # it may be cut
    if failed or not records:
        return _Trial(dialect, 0.0, 0)
    skipped = _before_header(records)
    records = records[skipped:]
    width = len(records[0])
    even = sum(_fits(cells, width) for cells in records)
    found = Dialect(dialect.delimiter, dialect.quoted, dialect.escaped, skipped)
    return _Trial(found, even / len(records), width)


def _fits(cells: Sequence[str], width: int) -> bool:
    return len(cells) == width or (len(cells) > width and not any(cells[width:]))


def _before_header(records: Sequence[Sequence[str]]) -> int:
    """Return how many records stand before the header: titles of one cell above a table, an Amazon template's two."""
    if records[0][0].startswith(TEMPLATE) and len(records) > 2:
        return 2
    filled = [sum(map(bool, cells)) for cells in records]
    usual = Counter(filled).most_common(1)[0][0]
    return next((row for row, count in enumerate(filled) if count > 1), 0) if usual > 1 else 0
