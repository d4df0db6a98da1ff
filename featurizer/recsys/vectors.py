"""`users.parquet` and `items.parquet`: ids and the vectors whose dot products are the scores.

A dense vector is a fixed-size list of numbers. A sparse one is a list of (index, value), the rest zeros; the column's
metadata hold its width, the number of items, and an index is a row of `items.parquet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from featurizer.errors import InputError
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.features.schema import arrow_to_vectors, vectors_to_arrow
from featurizer.recsys.data import RecData
from featurizer.results.files import atomic_path
from featurizer.results.names import MODEL
from featurizer.results.stage import STAGE_FILE, refuse_others

COLUMN = "embedding"
HISTORY = "train_items"
WIDTH = b"width"
"""Of the metadata of a column of sparse vectors."""
ENTRY = pa.struct([("index", pa.int32()), ("value", pa.float32())])

Rows: TypeAlias = np.ndarray | sparse.csr_array
"""(r, d) float32 vectors, dense or sparse."""


def write_vectors(path: Path, ids: Sequence[str], vectors: Rows, id_name: str) -> None:
    """Write (n, d) vectors beside their ids, float32, atomically."""
    _write(path, pa.table({id_name: pa.array(list(ids), pa.string())}), vectors)


def write_users(path: Path, data: RecData, vectors: Rows) -> None:
    """Write the users' (u, d) vectors, each with the ids of the items they trained on."""
    names = pa.array(list(data.item_ids), pa.string()).take(pa.array(data.train.items))
    history = pa.ListArray.from_arrays(pa.array(data.train.starts.astype(np.int32)), names)
    ids = pa.array(list(data.user_ids), pa.string())
    _write(path, pa.table({"user_id": ids, HISTORY: history}), vectors)


def _write(path: Path, table: pa.Table, vectors: Rows) -> None:
    """Write the vectors behind the ids."""
    with atomic_path(path) as partial:
        pq.write_table(table.add_column(1, *_column(vectors)), partial)


def _column(vectors: Rows) -> tuple[pa.Field, pa.Array]:
    if isinstance(vectors, np.ndarray):
        column = vectors_to_arrow(vectors, np.ones(len(vectors), bool), "float32")
        return pa.field(COLUMN, column.type), column
    parts = vectors.indices.astype(np.int32), vectors.data.astype(np.float32)
    entries = pa.StructArray.from_arrays([pa.array(part) for part in parts], fields=list(ENTRY))
    column = pa.ListArray.from_arrays(pa.array(vectors.indptr.astype(np.int32)), entries)
    return pa.field(COLUMN, column.type, metadata={WIDTH: str(vectors.shape[1])}), column


def holds_vectors(table: pa.Table) -> bool:
    """Say whether the table's column of vectors is of one of the two forms."""
    field = table.schema.field(COLUMN)
    is_sparse = field.type == pa.list_(ENTRY) and (field.metadata or {}).get(WIDTH, b"").isdigit()
    return bool(pa.types.is_fixed_size_list(field.type) or is_sparse)


def vectors_of(table: pa.Table) -> Rows:
    """Return the (r, d) vectors of a table that `holds_vectors`; a null is a zero vector."""
    column, field = table.column(COLUMN), table.schema.field(COLUMN)
    if pa.types.is_fixed_size_list(field.type):
        return arrow_to_vectors(column)[0]
    lists = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], field.type)
    counts = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    index, value = (part.to_numpy(zero_copy_only=False) for part in lists.flatten().flatten())
    return sparse.csr_array((value, index, starts), shape=(len(lists), int(field.metadata[WIDTH])))


def refuse_unfinished(model: Path) -> None:
    """Refuse a folder whose two files may be of different runs: a training that replaces them was stopped.

    Raises:
        InputError: it is such a folder.
    """
    begun, ended = model / "model" / STAGE_FILE, model / "model" / MODEL
    if begun.exists() and not ended.exists():
        raise InputError(
            f"{model} holds a training that is not finished, expected a finished one; "
            "give the same 'featurizer train' command again, it goes on"
        )


def read_table(path: Path, columns: Sequence[str]) -> pa.Table:
    """Read columns of one of the two files.

    Raises:
        InputError: the file is missing or is not of this format.
    """
    try:
        return pq.read_table(path, columns=list(columns))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; expected a folder that 'featurizer train' wrote") from None
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise InputError(
            f"{path} cannot be read: {error}; expected the output of 'featurizer train'"
        ) from error


def read_vectors(path: Path, id_name: str) -> tuple[list[str], Rows]:
    """Read ids and (n, d) float32 vectors.

    Raises:
        InputError: the file is missing or is not of this format.
    """
    table = read_table(path, [id_name, COLUMN])
    if not holds_vectors(table):
        raise InputError(
            f"{path}: its vectors are {table.schema.field(COLUMN).type}, expected the output of 'featurizer train'"
        )
    return table.column(id_name).to_pylist(), vectors_of(table)


def export_vectors(model: Path, out: Path, *, overwrite: bool = False) -> tuple[FeatureSet, FeatureSet]:
    """Write a model's vectors as two feature sets, `out/users` and `out/items`, of the space `recsys`.

    Raises:
        InputError: the folder holds no finished model, or one whose users are sparse.
        StaleOutput: `out` holds another model's vectors.
    """
    refuse_unfinished(model)
    refuse_others(out, ("users", "items"), "'featurizer recommend --export' wrote")
    read = {side: read_vectors(model / f"{side}s.parquet", f"{side}_id") for side in ("user", "item")}
    made = []
    for side, (ids, vectors) in read.items():
        if not isinstance(read["user"][1], np.ndarray):
            raise InputError(
                f"{model} scores by sparse vectors of {vectors.shape[1]:,} numbers, one an item, expected dense ones; "
                "read its users.parquet and items.parquet, or export a model such as lightgcn or ridge"
            )
        space = ArraySpace("recsys", "both", vectors, provenance={"encoder": "featurizer train"})
        source = {"model": model.name, "side": f"{side}s"}
        made.append(write_arrays(out / f"{side}s", ids, [space], source=source, overwrite=overwrite))
    return made[0], made[1]
