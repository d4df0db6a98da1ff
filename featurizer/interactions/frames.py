"""A table of interactions as one frame: whatever file it lies in, read whole."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import polars as pl

from featurizer.errors import InputError
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.delimited import DelimitedTable
from featurizer.tables.open import open_table
from featurizer.tables.reading import AS_FOUND, Reading
from featurizer.tables.table import Table
from featurizer.text_files import as_utf8
from featurizer.values import NOTHING


def read_frame(path: Path, reading: Reading = AS_FOUND) -> tuple[Table, pl.DataFrame]:
    """Return a table and its rows, cells of text as text.

    Raises:
        InputError: it is missing, of no format that is read, or cannot be read to its end.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected a file of interactions")
    table = open_table(path, reading)
    try:
        if table.kind == ".parquet":
            return table, pl.read_parquet(path)
        if isinstance(table, DelimitedTable) and not table.dialect.escaped:
            return table, _separated(table)
        bad = BadRows(path, table.allowed_bad if reading.max_bad_rows is None else reading.max_bad_rows)
        rows = [dict(row) for _, row in table.rows(bad)]
        bad.settle(len(rows))
        return table, pl.DataFrame(rows, infer_schema_length=None, strict=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as {table.kind}: {brief(error)}") from error


def place_of(table: Table, row: int) -> str:
    """Say where the row of a number, from 0, stands in a table.

    Raises:
        InputError: it cannot be read.
    """
    if table.unit == "row":
        return f"row {row + 1}"
    found = next(islice(table.rows(BadRows(table.path)), row, None), None)
    return f"row {row + 1}" if found is None else f"{table.unit} {found[0]}"


def trimmed(cells: pl.Series) -> pl.Series:
    """Return text without blanks around it, null where programs write that there is nothing."""
    cells = cells.str.strip_chars()
    return cells.set(cells.is_in(list(NOTHING)), None)


def brief(error: Exception) -> str:
    """Return the first line of what an error says."""
    return str(error).partition("\n")[0]


def _separated(table: DelimitedTable) -> pl.DataFrame:
    header = next(table.records(), None)
    if header is None:
        return pl.DataFrame()
    try:
        frame = pl.read_csv(
            as_utf8(table.path, table.encoding.codec),
            separator=table.dialect.delimiter,
            quote_char='"' if table.dialect.quoted else None,
            skip_lines=header[0] - 1,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError as error:
        _refuse_uneven(table)
        raise InputError(f"{table.path} cannot be read as {table.kind}: {brief(error)}") from error
    # Polars fills short rows with nulls: where the last column has none, no row is short
    if frame.width and frame[:, -1].null_count():
        _refuse_uneven(table)
    return frame.rename(dict(zip(frame.columns, table.columns, strict=True)))


def _refuse_uneven(table: DelimitedTable) -> None:
    bad = BadRows(table.path)
    for _ in table.rows(bad):
        pass
    if bad.count:
        raise InputError(f"{bad}; expected as many cells in each. Check quotes and separators")
