"""What a table is, whatever file it lies in: named columns, and rows that can be read again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa

from featurizer.tables.bad_rows import BadRows
from featurizer.tables.matching import folded

Row: TypeAlias = tuple[int, Mapping[str, object]]
"""The line that a row begins in, or its number where there are no lines, from 1; and its cells by column."""


class Table(Protocol):
    """One table."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def kind(self) -> str:
        """What it is, for messages."""
        ...

    @property
    def unit(self) -> str:
        """What a row's number counts: `line` or `row`."""
        ...

    @property
    def allowed_bad(self) -> int | None:
        """So many rows may be bad where nobody says; None for half of them."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, in order.

        Raises:
            InputError: it cannot be read, or has none.
        """
        ...

    @property
    def schema(self) -> pa.Schema | None:
        """The types of the columns, where the file says them."""
        ...

    @property
    def told(self) -> tuple[str, ...]:
        """What had to be found out about how it is written, in words."""
        ...

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows in order; those that cannot be read go into `bad`.

        Args:
            bad: counts them.
            columns: only these are needed.

        Raises:
            InputError: the file cannot be read to its end.
        """
        ...


def named(names: Sequence[object]) -> tuple[str, ...]:
    """Return a header's cells as names; one without text is called by its place, `column_3`."""
    texts = ("" if name is None else str(name).strip().strip("\ufeff") for name in names)
    return tuple(text or f"column_{place}" for place, text in enumerate(texts, start=1))


@dataclass(frozen=True, slots=True)
class Renamed:
    """A table some of whose columns go by other names, those that they have in the tables beside it.

    Attributes:
        table: as it is.
        names: the other name of each of its columns that has one.
    """

    table: Table
    names: Mapping[str, str]

    @property
    def path(self) -> Path:
        """The file."""
        return self.table.path

    @property
    def kind(self) -> str:
        """What it is, for messages."""
        return self.table.kind

    @property
    def unit(self) -> str:
        """What a row's number counts: `line` or `row`."""
        return self.table.unit

    @property
    def allowed_bad(self) -> int | None:
        """So many rows may be bad where nobody says; None for half of them."""
        return self.table.allowed_bad

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(self.names.get(name, name) for name in self.table.columns)

    @property
    def schema(self) -> pa.Schema | None:
        """The types of the columns, where the file says them."""
        own = self.table.schema
        return (
            None
            if own is None
            else pa.schema(field.with_name(self.names.get(field.name, field.name)) for field in own)
        )

    @property
    def told(self) -> tuple[str, ...]:
        """What had to be found out about how it is written, in words."""
        return self.table.told

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows in order; those that cannot be read go into `bad`."""
        own = {other: name for name, other in self.names.items()}
        asked = None if columns is None else [own.get(name, name) for name in columns]
        for number, row in self.table.rows(bad, asked):
            yield number, {self.names.get(name, name): cell for name, cell in row.items()}


def alike(tables: Sequence[Table]) -> tuple[Table, ...]:
    """Return tables whose columns that differ in case, blanks and signs alone have one name, that of the first.

    A table in which two columns are called alike keeps both as they are.
    """
    known: dict[str, str] = {}
    made: list[Table] = []
    for table in tables:
        forms = Counter(folded(name) for name in table.columns)
        names = {
            name: known[folded(name)]
            for name in table.columns
            if forms[folded(name)] == 1 and known.get(folded(name), name) != name
        }
        made.append(Renamed(table, names) if names else table)
        for name in table.columns:
            known.setdefault(folded(name), name)
    return tuple(made)
