"""Spreadsheets as tables: the first sheet that holds one, read by calamine."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from featurizer.errors import InputError
from featurizer.registry import Extra
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.table import Row, named
from featurizer.unpacked import ALWAYS_UNPACKED, MOST_UNPACKED

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

CALAMINE: Final = Extra(("python_calamine",), "spreadsheets")
"""What reads them."""
SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


@dataclass(frozen=True)
class SheetTable:
    """The first visible sheet of a workbook that has a header and a row below it; it is read into memory whole."""

    path: Path
    kind = "spreadsheet"
    unit = "row"
    allowed_bad: int | None = 0
    schema: pa.Schema | None = None

    @cached_property
    def _sheet(self) -> tuple[CalamineSheet, tuple[str, ...]]:
        """The sheet, and the names of others that hold something."""
        CALAMINE.require(f"What reads spreadsheets such as {self.path.name}")
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

        _refuse_bomb(self.path)
        try:
            book = CalamineWorkbook.from_path(self.path)
            visible = [one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
            sheets = [book.get_sheet_by_name(name) for name in visible]
        except PasswordError as error:
            raise InputError(f"{self.path} is protected by a password; save it without one") from error
        except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path} cannot be read as a spreadsheet: {error}") from error
        full = [sheet for sheet in sheets if sheet.height > 1]
        if not full:
            raise InputError(f"{self.path} is empty; expected a sheet with a header and rows below it")
        return full[0], tuple(sheet.name for sheet in full[1:])

    @property
    def told(self) -> tuple[str, ...]:
        """Which sheet was taken, where there are several."""
        sheet, others = self._sheet
        return (f"sheet '{sheet.name}' is read, not {', '.join(map(repr, others))}",) if others else ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names in the first row that has more than one cell, or any."""
        return named(next(cells for number, cells in self._cells() if number == self._header))

    @cached_property
    def _header(self) -> int:
        filled = [(number, sum(cell != "" for cell in cells)) for number, cells in self._cells()][:100]
        most = max(count for _, count in filled)
        return next(number for number, count in filled if count > 1 or most == 1)

    def _cells(self) -> Iterator[tuple[int, list[object]]]:
        sheet, _ = self._sheet
        first = 1 + (sheet.start or (0, 0))[0]
        for number, cells in enumerate(sheet.to_python(skip_empty_area=True), start=first):
            if any(cell != "" for cell in cells):
                yield number, [*cells]

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows below the header that hold anything; numbers, dates and truths as they are."""
        names, header = self.columns, self._header
        for number, cells in self._cells():
            if number > header:
                yield (
                    number,
                    {name: None if cell == "" else cell for name, cell in zip(names, cells, strict=True)},
                )


def _refuse_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as file:
        size = sum(entry.file_size for entry in file.infolist())
    if size > max(ALWAYS_UNPACKED, MOST_UNPACKED * path.stat().st_size):
        raise InputError(
            f"{path} unpacks to {size >> 20:,} MB from {path.stat().st_size / 2**20:,.1f} MB; expected at most "
            f"{MOST_UNPACKED} bytes for each packed one"
        )
