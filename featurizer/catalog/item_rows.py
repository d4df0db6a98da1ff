"""The rows of tables by the items that they are: whose each is, and what is wrong with any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from featurizer.catalog.column_names import FILE_NAME, MADE, ROW
from featurizer.catalog.columns import file_name
from featurizer.catalog.seen_ids import SeenIds
from featurizer.catalog.stacked_tables import Cells, StackedTables
from featurizer.catalog.survey import OnMissing, Survey
from featurizer.errors import InputError
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.table import Table
from featurizer.values import as_id

ItemRow: TypeAlias = tuple[int, Table, int, Cells]
"""A row with its place among all, from 1, its table and its line or number there."""


@dataclass(frozen=True)
class ItemRows:
    """The rows of tables, with the ids of their items.

    Attributes:
        stacked: the tables.
        column: of ids; `@row` and `@file_name` stand for ids that are made.
        image: the column of pictures, for names of files.
        on_missing: what becomes of a row without an id; with `number` it gets its place as one.
    """

    stacked: StackedTables
    column: str
    image: str | None
    on_missing: OnMissing

    def rows(self, bad: Sequence[BadRows], columns: Sequence[str] | None = None) -> Iterator[ItemRow]:
        """Yield all rows.

        Args:
            bad: counts those of each table that cannot be read.
            columns: only these are needed.
        """
        numbered, made = self.on_missing == "number", self.column in MADE
        for position, (table, number, row) in enumerate(self.stacked.rows(bad, columns), start=1):
            if made:
                row = {**row, self.column: self._made(position, row)}
            if numbered and self._has_no_id(row):
                row = {**row, self.column: f"row-{position}"}
            yield position, table, number, row

    def _made(self, position: int, row: Cells) -> str | None:
        return str(position) if self.column == ROW else file_name(row.get(self.image or ""))

    @cached_property
    def _bits(self) -> int:
        return self.stacked.bits(self.column)

    def item(self, row: Cells) -> str | None:
        """Return the id of a row; None where it has none.

        Raises:
            InputError: what it has can be none.
        """
        return as_id(row.get(self.column), bits=self._bits)

    def _has_no_id(self, row: Cells) -> bool:
        """Say whether a row has none; one that cannot be used is no missing one, and the survey tells it."""
        try:
            return self.item(row) is None
        except InputError:
            return False

    def known_item(self, row: Cells) -> str | None:
        """Return the id of a row; None where it has none, or one that cannot be used, which the survey tells."""
        try:
            return self.item(row)
        except InputError:
            return None

    def ids(self) -> Iterator[str]:
        """Yield the id of every row that has one, as often as it stands there."""
        for _, _, _, row in self._bare(self.stacked.bad()):
            if (item := self.known_item(row)) is not None:
                yield item

    def _bare(self, bad: Sequence[BadRows]) -> Iterator[ItemRow]:
        """Yield all rows with what their ids are read from."""
        needed = self.image if self.column == FILE_NAME else self.column
        return self.rows(bad, [needed] if needed in self.stacked.columns else [])

    @cached_property
    def survey(self) -> Survey:
        """What a first look through all of them finds."""
        survey, seen = Survey(bad=self.stacked.bad()), SeenIds()
        for _, table, number, row in self._bare(survey.bad):
            survey.rows += 1
            try:
                item = self.item(row)
            except InputError as error:
                survey.broken.add(f"{self.stacked.place(table, number)} ({self.column}: {error})")
                continue
            if item is None:
                survey.missing.add(self.stacked.place(table, number))
            else:
                seen.add(item)
        seen.settle()
        if seen.any_twice:
            self._survey_repeated(survey, seen)
        return survey

    def _survey_repeated(self, survey: Survey, seen: SeenIds) -> None:
        """Look at the rows once more, for those whose id was there before."""
        earlier = set[str]()
        for position, table, number, row in self._bare(self.stacked.bad()):
            item = self.known_item(row)
            if item is None or not seen.came_twice(item):
                continue
            if item in earlier:
                survey.repeated.add(f"'{item}' again in {self.stacked.place(table, number)}")
                survey.last[item] = position
            earlier.add(item)
