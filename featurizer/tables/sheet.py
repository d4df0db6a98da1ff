"""Spreadsheets as tables: the sheet that is named, or the first that holds one, read by calamine."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from featurizer.errors import InputError, UnknownName
from featurizer.registry import Extra
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.matching import called
from featurizer.tables.table import Row, named
from featurizer.unpacked import ALWAYS_UNPACKED, MOST_UNPACKED

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

CALAMINE: Final = Extra(("python_calamine",), "spreadsheets")
"""What reads them."""
SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
COVER = (2, 30)
"""So many columns and rows a cover has at most, which tells of the sheets behind it."""
LOOKED = 100
"""So many rows of a sheet are looked at."""


@dataclass(frozen=True)
class SheetTable:
    """A sheet of a workbook: the one that is named, else the first visible one that holds a table.

    That is a header and a row below it; a short one of two columns before one that is wider is a cover. It is read
    into memory whole.

    Attributes:
        path: the workbook.
        named: the sheet, by its name or its number from 1.
    """

    path: Path
    named: str | None = None
    kind = "spreadsheet"
    unit = "row"
    allowed_bad: int | None = 0
    schema: pa.Schema | None = None

    @cached_property
    def _sheet(self) -> tuple[CalamineSheet, tuple[str, ...]]:
        """The sheet, and the names of the others: of those that hold something, unless it was named."""
        CALAMINE.require(f"What reads spreadsheets such as {self.path.name}")
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

        _refuse_bomb(self.path)
        try:
            book = CalamineWorkbook.from_path(self.path)
            if self.named is not None:
                name = self._asked(book.sheet_names)
                return book.get_sheet_by_name(name), tuple(one for one in book.sheet_names if one != name)
            visible = [one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible]
            sheets = [book.get_sheet_by_name(name) for name in visible]
        except PasswordError as error:
            raise InputError(f"{self.path} is protected by a password; save it without one") from error
        except (CalamineError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{self.path} cannot be read as a spreadsheet: {error}") from error
        full = [sheet for sheet in sheets if sheet.height > 1]
        if not full:
            raise InputError(f"{self.path} is empty; expected a sheet with a header and rows below it")
        taken = _table_among(full)
        return taken, tuple(sheet.name for sheet in full if sheet is not taken)

    def _asked(self, names: Sequence[str]) -> str:
        """Return the sheet that is named."""
        asked = self.named or ""
        found = called(asked, names)
        if found is None and asked.isdecimal() and 1 <= int(asked) <= len(names):
            found = names[int(asked) - 1]
        if found is None:
            raise UnknownName(
                f"sheet of {self.path}", asked, names, advice=f"Or its number, 1 to {len(names)}."
            )
        return found

    @property
    def told(self) -> tuple[str, ...]:
        """Which sheet was taken, where there are several."""
        sheet, others = self._sheet
        other = "" if self.named is not None else " (--sheet names another)"
        return (f"sheet '{sheet.name}' is read, not {', '.join(map(repr, others))}{other}",) if others else ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names in the first row that has more than one cell, or any."""
        header = next((cells for number, cells in self._cells() if number == self._header), None)
        if header is None:
            raise InputError(f"{self.path}: the sheet '{self._sheet[0].name}' is empty; expected a header")
        return named(header)

    @cached_property
    def _header(self) -> int:
        return _header_of(self._sheet[0])

    def _cells(self) -> Iterator[tuple[int, list[object]]]:
        return _cells_of(self._sheet[0])

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows below the header that hold anything; whole numbers, dates and truths as they are."""
        names, header = self.columns, self._header
        for number, cells in self._cells():
            if number > header:
                yield number, dict(zip(names, map(_cell, cells), strict=True))


def _cell(cell: object) -> object:
    """Return a cell as it was meant: a spreadsheet knows no whole numbers, and an empty cell is none."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return None if cell == "" else cell


def _cells_of(sheet: CalamineSheet) -> Iterator[tuple[int, list[object]]]:
    """Yield the number and the cells of each row that holds anything."""
    first = 1 + (sheet.start or (0, 0))[0]
    for number, cells in enumerate(sheet.to_python(skip_empty_area=True), start=first):
        if any(cell != "" for cell in cells):
            yield number, [*cells]


def _header_of(sheet: CalamineSheet) -> int:
    """Return the number of the first row that has more than one cell, or any; 0 where none has."""
    looked = islice(_cells_of(sheet), LOOKED)
    filled = [(number, sum(cell != "" for cell in cells)) for number, cells in looked]
    most = max((count for _, count in filled), default=0)
    return next((number for number, count in filled if count > 1 or most == 1), 0)


def _table_among(sheets: Sequence[CalamineSheet]) -> CalamineSheet:
    """Return the first sheet that holds a table; the first where none does."""
    sizes = [_size(sheet) for sheet in sheets]
    tables = [(sheet, size) for sheet, size in zip(sheets, sizes, strict=True) if min(size) > 0]
    if not tables:
        return sheets[0]
    first, (width, rows) = tables[0]
    if width > COVER[0] or rows > COVER[1]:
        return first
    return next((sheet for sheet, size in tables if size[0] > max(width, COVER[0])), first)


def _size(sheet: CalamineSheet) -> tuple[int, int]:
    """Return how many columns a sheet's table has, and rows below their names; 0 where there is no table.

    Of names half may be numbers, as sizes and years are, and one may stand there twice, which is told of the table.
    """
    header = _header_of(sheet)
    cells = [(number, row) for number, row in _cells_of(sheet) if number >= header]
    names = [cell for cell in cells[0][1] if cell != ""] if cells else []
    texts = sum(isinstance(name, str) for name in names)
    return (len(names) if 2 * texts >= len(names) else 0), len(cells) - 1


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
