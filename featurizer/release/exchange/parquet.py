"""`parquet`: one table with `item_id` and a list of numbers a space; a missing vector is null."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.errors import InputError
from featurizer.features.options import StoredDtype
from featurizer.features.schema import ARROW_DTYPES, vectors_to_arrow
from featurizer.release.exchange.content import Content, Found
from featurizer.release.exchange.format import Files, Format
from featurizer.release.exchange.ids import ID_COLUMNS
from featurizer.results.files import atomic_path

FILE = "features.parquet"


def write(content: Content, folder: Path) -> Files:
    """Write each space as a fixed-size list, in the type it is stored in."""
    schema, batches = as_batches(content)
    with (
        atomic_path(folder / FILE) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd", use_dictionary=False) as file,
    ):
        for batch in batches:
            file.write_table(pa.Table.from_batches([batch]))
    return dict.fromkeys((space.name for space in content.spaces), FILE)


def read(path: Path, files: Files) -> Found:
    """Read spaces with their nulls; without a column of ids an item's id is its row number."""
    return found_in(_load(path), list(files), _file(path))


def guess(path: Path) -> Files:
    """Take every column of lists of numbers as a space of its name."""
    return dict.fromkeys(spaces_of(_load(path).schema, _file(path)), _file(path).name)


def as_batches(content: Content) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return ids and spaces as columns, null where an item has no vector: their schema, and blocks of rows."""
    dtypes: dict[str, StoredDtype] = {
        space.name: "float16" if space.dtype == "float16" else "float32" for space in content.spaces
    }
    fields = [pa.field(ID_COLUMNS[0], pa.string())]
    fields += [
        pa.field(space.name, pa.list_(ARROW_DTYPES[dtypes[space.name]], space.dim))
        for space in content.spaces
    ]
    schema = pa.schema(fields)

    def batches() -> Iterator[pa.RecordBatch]:
        for blocks in zip(*(space.blocks() for space in content.spaces), strict=True):
            some = blocks[0][0]
            columns = [pa.array(content.item_ids[some], pa.string())]
            columns += [
                vectors_to_arrow(rows, space.present[some], dtypes[space.name])
                for space, (_, rows) in zip(content.spaces, blocks, strict=True)
            ]
            yield pa.record_batch(columns, schema=schema)

    return schema, batches()


def spaces_of(schema: pa.Schema, origin: Path) -> list[str]:
    """Return the columns that are lists of numbers.

    Raises:
        InputError: there are none.
    """
    found = [field.name for field in schema if _is_vectors(field.type)]
    if not found:
        raise InputError(
            f"{origin} has the columns {', '.join(schema.names) or 'none'}; expected a list of numbers an item"
        )
    return found


def found_in(table: pa.Table, spaces: Sequence[str], origin: Path) -> Found:
    """Read spaces of a table.

    Raises:
        InputError: a column is missing, holds no lists of numbers, or lists of different lengths.
    """
    for space in spaces:
        if space not in table.column_names or not _is_vectors(table.schema.field(space).type):
            kinds = ", ".join(f"{field.name} ({field.type})" for field in table.schema)
            raise InputError(f"{origin} has no column {space} of lists of numbers; it has {kinds}")
    ids = next((name for name in ID_COLUMNS if name in table.column_names), None)
    items = range(table.num_rows) if ids is None else table.column(ids).to_pylist()
    pairs = {space: _vectors(table.column(space), space, origin) for space in spaces}
    return Found(
        [str(item) for item in items],
        {space: rows for space, (rows, _) in pairs.items()},
        {space: present for space, (_, present) in pairs.items()},
    )


def _is_vectors(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _vectors(column: pa.ChunkedArray, space: str, origin: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return ((n, d) rows, float16 where they are stored so, zeros where null; (n,) bool, not null)."""
    present = np.asarray(column.is_valid(), bool)
    lists = column.drop_null().combine_chunks()
    fixed = pa.types.is_fixed_size_list(column.type)
    lengths = np.unique(np.asarray([column.type.list_size] if fixed else lists.value_lengths()))
    if len(lengths) > 1:
        raise InputError(
            f"{origin}, column {space}: lists of {lengths[0]} to {lengths[-1]} numbers; expected one length"
        )
    half = pa.types.is_float16(column.type.value_type)
    width = int(lengths[0]) if len(lengths) else 0
    rows = np.zeros((len(present), width), np.float16 if half else np.float32)
    rows[present] = np.asarray(lists.flatten()).reshape(len(lists), width)
    return rows, present


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() else path


def _load(path: Path) -> pa.Table:
    try:
        return pq.read_table(_file(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{_file(path)} cannot be read as Parquet: {error}") from error


FORMAT = Format("parquet", read, guess, write, nulls=True)
