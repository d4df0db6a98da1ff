"""What a table is, whatever file it lies in: named columns, and rows that can be read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

import pyarrow as pa

from featurizer.tables.bad_rows import BadRows

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
