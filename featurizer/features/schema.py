"""The columns of a feature set: ids, what each item had, and one fixed-size list a space."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from featurizer.errors import ShapeMismatch
from featurizer.features.options import StoredDtype
from featurizer.records import Json

ARROW_DTYPES: Mapping[str, pa.DataType] = {"float32": pa.float32(), "float16": pa.float16()}
CORE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("has_image", pa.bool_(), nullable=False),
        pa.field("has_text", pa.bool_(), nullable=False),
        pa.field("error", pa.string()),
    ]
)


def feature_schema(dims: Mapping[str, int], dtype: StoredDtype) -> pa.Schema:
    """Return the schema of the shards, with the `datasets` features of each column in its metadata."""
    fields = [*CORE, *(pa.field(space, pa.list_(ARROW_DTYPES[dtype], dim)) for space, dim in dims.items())]
    values: dict[str, Json] = {field.name: {"_type": "Value", "dtype": str(field.type)} for field in CORE}
    spaces: dict[str, Json] = {
        space: {"_type": "List", "length": dim, "feature": {"_type": "Value", "dtype": dtype}}
        for space, dim in dims.items()
    }
    metadata = {b"huggingface": json.dumps({"info": {"features": values | spaces}}).encode()}
    return pa.schema(fields, metadata=metadata)


def vectors_to_arrow(vectors: np.ndarray, present: np.ndarray, dtype: StoredDtype) -> pa.FixedSizeListArray:
    """Lay (n, d) vectors out as a fixed-size list column; rows where `present` (n,) is False become null.

    Raises:
        ShapeMismatch: the vectors are not two-dimensional, or not as many as `present`.
    """
    if vectors.ndim != 2 or len(vectors) != len(present):
        raise ShapeMismatch(f"vectors of shape {vectors.shape}, expected ({len(present)}, dim)")
    stored = np.where(present[:, None], vectors, 0).astype(dtype)
    values = pa.array(stored.reshape(-1), type=ARROW_DTYPES[dtype])
    return pa.FixedSizeListArray.from_arrays(values, vectors.shape[1], mask=pa.array(~present))


def arrow_to_vectors(column: pa.ChunkedArray | pa.FixedSizeListArray) -> tuple[np.ndarray, np.ndarray]:
    """Return ((n, d) float32 vectors with zeros where null, (n,) bool: which rows are not null)."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    dim = column.type.list_size
    vectors, present = [np.zeros((0, dim), np.float32)], [np.zeros(0, bool)]
    for chunk in chunks:
        valid = chunk.is_valid().to_numpy(zero_copy_only=False)
        values = chunk.values.slice(chunk.offset * dim, len(chunk) * dim).to_numpy(zero_copy_only=False)
        rows = values.reshape(len(chunk), dim).astype(np.float32)
        rows[~valid] = 0
        vectors.append(rows)
        present.append(valid)
    return np.concatenate(vectors), np.concatenate(present)
