"""`users.parquet` and `items.parquet`: ids and the vectors whose dot products are the scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

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


def write_vectors(path: Path, ids: Sequence[str], vectors: np.ndarray, id_name: str) -> None:
    """Write (n, d) vectors beside their ids, float32, atomically."""
    _write(path, {id_name: pa.array(list(ids), pa.string()), COLUMN: _column(vectors)})


def write_users(path: Path, data: RecData, vectors: np.ndarray) -> None:
    """Write the users' (u, d) vectors, each with the ids of the items they trained on."""
    names = pa.array(list(data.item_ids), pa.string()).take(pa.array(data.train.items))
    history = pa.ListArray.from_arrays(pa.array(data.train.starts.astype(np.int32)), names)
    ids = pa.array(list(data.user_ids), pa.string())
    _write(path, {"user_id": ids, COLUMN: _column(vectors), HISTORY: history})


def _column(vectors: np.ndarray) -> pa.FixedSizeListArray:
    return vectors_to_arrow(vectors, np.ones(len(vectors), bool), "float32")


def _write(path: Path, columns: dict[str, pa.Array]) -> None:
    with atomic_path(path) as partial:
        pq.write_table(pa.table(columns), partial)


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


def read_vectors(path: Path, id_name: str) -> tuple[list[str], np.ndarray]:
    """Read ids and (n, d) float32 vectors.

    Raises:
        InputError: the file is missing or is not of this format.
    """
    table = read_table(path, [id_name, COLUMN])
    return table.column(id_name).to_pylist(), arrow_to_vectors(table.column(COLUMN))[0]


def export_vectors(model: Path, out: Path, *, overwrite: bool = False) -> tuple[FeatureSet, FeatureSet]:
    """Write a model's vectors as two feature sets, `out/users` and `out/items`, of the space `recsys`.

    Raises:
        InputError: the folder holds no finished model.
        StaleOutput: `out` holds another model's vectors.
    """
    refuse_unfinished(model)
    refuse_others(out, ("users", "items"), "'featurizer recommend --export' wrote")
    made = []
    for side in ("user", "item"):
        ids, vectors = read_vectors(model / f"{side}s.parquet", f"{side}_id")
        space = ArraySpace("recsys", "both", vectors, provenance={"encoder": "featurizer train"})
        source = {"model": model.name, "side": f"{side}s"}
        made.append(write_arrays(out / f"{side}s", ids, [space], source=source, overwrite=overwrite))
    return made[0], made[1]
