"""Tables of separated cells: CSV, TSV and what else spreadsheets and shops write."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from featurizer.encodings import Encoding
from featurizer.errors import InputError
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.dialect import USUAL, Dialect, dialect_of
from featurizer.tables.reading import AS_FOUND, Reading
from featurizer.tables.table import Row, named
from featurizer.text_files import encoding_of, not_text, open_text


@dataclass(frozen=True)
class DelimitedTable:
    """A table of separated cells; empty ones are None.

    Attributes:
        path: packed or not.
        suffix: of its name, `.csv`; the delimiter that goes with it is taken where nothing speaks for another.
        reading: what is known of it.
    """

    path: Path
    suffix: str = ".csv"
    reading: Reading = AS_FOUND
    unit = "line"
    allowed_bad: int | None = 0
    schema: pa.Schema | None = None

    @property
    def kind(self) -> str:
        """The suffix."""
        return self.suffix

    @cached_property
    def encoding(self) -> Encoding:
        """In which encoding it is."""
        try:
            return encoding_of(self.path, self.reading.encoding)
        except OSError as error:
            raise InputError(f"{self.path} cannot be read as {self.kind}: {error}") from error

    @cached_property
    def dialect(self) -> Dialect:
        """How its cells are separated."""
        try:
            return dialect_of(self.path, self.encoding.codec, self.suffix, self.reading.sign)
        except UnicodeDecodeError as error:
            raise not_text(self.path, self.encoding.codec) from error

    @property
    def told(self) -> tuple[str, ...]:
        """The encoding where it is not UTF-8, the delimiter where it is another than the suffix says."""
        said = []
        if self.reading.encoding is None and self.encoding.reason:
            said.append(f"read as {self.encoding.codec} ({self.encoding.reason}; --encoding names another)")
        if self.reading.delimiter is None and self.dialect.delimiter != USUAL.get(self.suffix, ","):
            said.append(f"cells separated by {self.dialect.told}")
        if self.dialect.skipped:
            said.append(f"{self.dialect.skipped} lines above the header are left out")
        return tuple(said)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The header's names."""
        return named(next(self.records(), (1, []))[1])

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows; one of another width than the header's is bad, but for empty cells at its end."""
        names, records = self.columns, self.records()
        next(records, None)
        width = len(names)
        places = None if columns is None else [place for place, name in enumerate(names) if name in columns]
        for line, cells in records:
            if len(cells) != width:
                if len(cells) < width or any(cells[width:]):
                    bad.add(f"line {line}", f"has {len(cells)} cells, the header {width}")
                    continue
                del cells[width:]
            if places is not None:
                yield line, {names[place]: cells[place] or None for place in places}
            else:
                yield line, {name: cell or None for name, cell in zip(names, cells, strict=True)}

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line, from 1, and the cells of each record, the header first.

        Raises:
            InputError: it is not in its encoding, or its quotes are broken.
        """
        line = 0
        try:
            with open_text(self.path, self.encoding.codec) as file:
                for line, cells in self.dialect.records(file):
                    yield line, cells
        except UnicodeDecodeError as error:
            raise not_text(self.path, self.encoding.codec) from error
        except csv.Error as error:
            raise InputError(
                f"{self.path} cannot be read to its end as {self.kind}: the record after line {line} is broken "
                f"({error}); check its quotes"
            ) from error
        except OSError as error:
            raise InputError(f"{self.path} cannot be read to its end as {self.kind}: {error}") from error
