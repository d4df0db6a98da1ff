"""Tables one after the other as one: their columns, what these hold, and all of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from featurizer.catalog.class_labels import ClassLabels
from featurizer.catalog.column_types import float_bits, is_picture
from featurizer.catalog.near_misses import ROWS as SAMPLED
from featurizer.errors import InputError
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.open import open_table
from featurizer.tables.reading import AS_FOUND, Reading
from featurizer.tables.table import Table, alike

Cells: TypeAlias = Mapping[str, object]
"""The cells of a row by column."""
Placed: TypeAlias = tuple[Table, int, Cells]
"""A row, with its table and its line or number there."""


@dataclass(frozen=True)
class StackedTables:
    """The tables of some files.

    Attributes:
        paths: the files; their suffixes say the format, `.gz` or `.zst` may follow.
        reading: how they are written, where that is known.
    """

    paths: tuple[Path, ...]
    reading: Reading = AS_FOUND

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Each of them."""
        return alike([open_table(path, self.reading) for path in self.paths])

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The column names of all, in order of appearance.

        Raises:
            InputError: a table has none, or one twice.
        """
        for table in self.tables:
            if not table.columns:
                raise InputError(f"{table.path} is empty; expected a header line with column names")
            doubled = sorted({name for name in table.columns if table.columns.count(name) > 1})
            if doubled:
                raise InputError(
                    f"{table.path}: columns named twice: {', '.join(doubled)}; expected each name once"
                )
        return tuple(dict.fromkeys(name for table in self.tables for name in table.columns))

    @cached_property
    def types(self) -> dict[str, pa.DataType]:
        """The type of each column; text where the files say none, or several."""
        types: dict[str, pa.DataType] = {}
        for table in self.tables:
            for name in table.columns:
                kind = pa.string() if table.schema is None else table.schema.field(name).type
                types[name] = kind if types.get(name, kind) == kind else pa.string()
            types |= dict.fromkeys(_labels(table).names, pa.string())
        return types

    @cached_property
    def pictured(self) -> tuple[str, ...]:
        """The columns that hold pictures, as their types say."""
        return tuple(name for name, kind in self.types.items() if is_picture(kind))

    def bits(self, column: str) -> int:
        """Return how many bits the floats of a column have."""
        return float_bits(self.types.get(column, pa.string()))

    @cached_property
    def sample(self) -> list[Cells]:
        """The first rows."""
        rows = (row for table, one in zip(self.tables, self.bad(), strict=True) for _, row in table.rows(one))
        return [*islice(rows, SAMPLED)]

    def bad(self) -> list[BadRows]:
        """Return what counts the rows of each that cannot be read."""
        return [BadRows(path) for path in self.paths]

    @property
    def allowed_bad(self) -> list[int | None]:
        """So many rows of each may be bad."""
        most = self.reading.max_bad_rows
        return [table.allowed_bad if most is None else most for table in self.tables]

    def rows(self, bad: Sequence[BadRows], columns: Sequence[str] | None = None) -> Iterator[Placed]:
        """Yield all rows, ClassLabels by their names.

        Args:
            bad: counts those of each table that cannot be read.
            columns: only these are needed.
        """
        for table, one in zip(self.tables, bad, strict=True):
            labels = _labels(table)
            for number, row in table.rows(one, columns):
                yield table, number, labels.named(row) if labels.names else row

    def place(self, table: Table, number: int) -> str:
        """Say where a row stands."""
        own = f"{table.unit} {number}"
        return f"{table.path.name}, {own}" if len(self.tables) > 1 else own

    def __str__(self) -> str:
        first, *others = self.paths
        return f"{first} and {len(others)} more" if others else str(first)


def _labels(table: Table) -> ClassLabels:
    if table.schema is None:
        return ClassLabels({})
    try:
        return ClassLabels.of_schema(table.schema)
    except ValueError as error:
        raise InputError(
            f"{table.path} cannot be read as {table.kind}: what it says of its columns is damaged ({error})"
        ) from error
