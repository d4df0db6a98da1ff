"""A table in memory as a source: put down as Parquet under a name made from its content."""

from __future__ import annotations

import atexit
import hashlib
import re
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.errors import InputError
from featurizer.results.files import atomic_path

COPY = re.compile(r"featurizer-[0-9a-f]{24}(\.parquet)?")


def is_table(value: object) -> bool:
    """Say whether a value is to be taken as a table: neither a path nor what stands for a folder."""
    return not (value is None or isinstance(value, str | Path) or hasattr(value, "folder"))


def is_copy(path: Path) -> bool:
    """Say whether a file is what `write_table` wrote, to be removed once it is read."""
    return path.parent == Path(tempfile.gettempdir()) and COPY.fullmatch(path.name) is not None


def write_table(table: object) -> Path:
    """Write a polars, pandas or pyarrow table as Parquet into the folder of temporary files, named by its content.

    The caller removes it once it is read; where it never is, it goes with the process.

    Raises:
        InputError: it is no table, or holds what Parquet cannot.
    """
    arrow, sink = as_arrow(table), pa.BufferOutputStream()
    try:
        pq.write_table(arrow, sink)
    except pa.ArrowException as error:
        raise InputError(
            f"the table cannot be written as Parquet: {error}; expected plain columns"
        ) from error
    content = sink.getvalue()
    path = Path(tempfile.gettempdir()) / f"featurizer-{hashlib.sha256(content).hexdigest()[:24]}.parquet"
    with atomic_path(path) as partial:
        partial.write_bytes(content)
    atexit.register(path.unlink, missing_ok=True)
    return path


def write_stdin() -> Path:
    """Write what comes from standard input into the folder of temporary files, named by its content.

    The caller removes it once it is read; where it never is, it goes with the process.

    Raises:
        InputError: nothing comes.
    """
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(delete=False) as file:
        partial = Path(file.name)
        while chunk := sys.stdin.buffer.read(1 << 20):
            digest.update(chunk)
            file.write(chunk)
    if not partial.stat().st_size:
        partial.unlink()
        raise InputError("standard input is empty; expected a table")
    path = partial.replace(partial.with_name(f"featurizer-{digest.hexdigest()[:24]}"))
    atexit.register(path.unlink, missing_ok=True)
    return path


def as_arrow(table: object) -> pa.Table:
    """Return a polars, pandas or pyarrow table as pyarrow's; a named index of pandas becomes a column.

    Raises:
        InputError: it is none of them, or a column holds values of several kinds.
    """
    if isinstance(table, pa.Table):
        return table
    if not hasattr(table, "__arrow_c_stream__") or not hasattr(table, "columns"):
        raise InputError(
            f"found {type(table).__name__}, expected a path, or a table of polars, pandas or pyarrow with a row an item"
        )
    try:
        return pa.table(_with_index(table))
    except (pa.ArrowException, TypeError, ValueError) as error:
        told = " ".join(str(part) for part in error.args)
        raise InputError(
            f"the table cannot be read: {told}. Expected columns of one kind each, every name once; "
            "make a mixed one text"
        ) from error


def _with_index(table: object) -> object:
    """Return a pandas table with its named index as columns, and an unnamed one left out; others as they are."""
    index, reset = getattr(table, "index", None), getattr(table, "reset_index", None)
    if index is None or reset is None:
        return table
    return reset(drop=all(name is None for name in index.names))
