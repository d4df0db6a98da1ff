"""A table in memory as a source: put down as Parquet in the catalog's own folder, so that a run can be resumed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.errors import InputError
from featurizer.results.files import atomic_path
from featurizer.results.state import FOLDER


def write_table(table: object, out: Path) -> Path:
    """Write a polars, pandas or pyarrow table into `out/.featurizer/`, under a name made from its content.

    Raises:
        InputError: it is no table, or holds what Parquet cannot.
    """
    arrow = as_arrow(table)
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(arrow, sink)
    except pa.ArrowException as error:
        raise InputError(
            f"the table cannot be written as Parquet: {error}; expected plain columns"
        ) from error
    content = sink.getvalue()
    path = out / FOLDER / f"table-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
    if not path.exists():
        with atomic_path(path) as partial:
            partial.write_bytes(content)
    return path


def as_arrow(table: object) -> pa.Table:
    """Return a polars, pandas or pyarrow table as pyarrow's; a named index of pandas becomes a column.

    Raises:
        InputError: it is none of them.
    """
    if isinstance(table, pa.Table):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(_with_index(table))
    raise InputError(
        f"found {type(table).__name__}, expected a path, or a table of polars, pandas or pyarrow with a row an item"
    )


def _with_index(table: object) -> object:
    index = getattr(table, "index", None)
    named = [name for name in getattr(index, "names", []) if name is not None]
    return table.reset_index() if named and hasattr(table, "reset_index") else table
