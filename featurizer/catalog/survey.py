"""A first look through a whole table, before anything is made of it: all faults at once, with their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from featurizer.tables.bad_rows import SHOWN, BadRows
from featurizer.values import counted

OnDuplicate: TypeAlias = Literal["error", "first", "last", "merge"]
"""What becomes of rows with one id."""
OnMissing: TypeAlias = Literal["error", "skip", "number"]
"""What becomes of a row without one."""


@dataclass(slots=True)
class Places:
    """How often something is the case, and where first."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(place)

    def __str__(self) -> str:
        return ", ".join([*self.shown, *(["…"] if self.count > len(self.shown) else [])])


@dataclass(slots=True)
class Survey:
    """What a look through tables found.

    Attributes:
        rows: that can be read.
        bad: those of each file that cannot.
        broken: values that are not what their column is.
        missing: rows without an id.
        repeated: rows with an id that was there before.
        last: the place of the last row of every id that is there several times, counted from 1 over all files.
    """

    rows: int = 0
    bad: list[BadRows] = field(default_factory=list)
    broken: Places = field(default_factory=Places)
    missing: Places = field(default_factory=Places)
    repeated: Places = field(default_factory=Places)
    last: dict[str, int] = field(default_factory=dict)

    def faults(
        self, *, on_duplicate: OnDuplicate, on_missing_id: OnMissing, allowed: Sequence[int | None]
    ) -> list[str]:
        """Return everything that keeps the tables from being used, a sentence each.

        Args:
            on_duplicate: `error`, or what becomes of several rows.
            on_missing_id: `error`, or what becomes of such a row.
            allowed: of each file, more rows that cannot be read are a fault; None for half of all.
        """
        found = [
            replace(bad, allowed=most).fault(self.rows, named=len(self.bad) > 1)
            for bad, most in zip(self.bad, allowed, strict=True)
        ]
        if self.broken.count:
            found.append(f"{counted(self.broken.count, 'value', 'values')} cannot be used: {self.broken}")
        if self.missing.count and on_missing_id == "error":
            found.append(
                f"{counted(self.missing.count, 'row has', 'rows have')} no id ({self.missing}); expected a unique id "
                "in every row. "
                "--on-missing-id skip leaves them out, number takes the row's number"
            )
        if self.repeated.count and on_duplicate == "error":
            found.append(
                f"{counted(self.repeated.count, 'row repeats', 'rows repeat')} an id ({self.repeated}); expected "
                "unique ids. --on-duplicate first or last takes one row of each, merge makes one item of them, "
                "--item-id-column names another column"
            )
        return [fault for fault in found if fault is not None]

    @property
    def notes(self) -> Counter[str]:
        """What was passed over, counted."""
        counts = {
            "malformed_lines": sum(bad.count for bad in self.bad),
            "repeated_items": self.repeated.count,
            "rows_without_id": self.missing.count,
        }
        return Counter({name: count for name, count in counts.items() if count})
