"""`supervised.parquet`: the items whose interactions taught a space of a set, beside its manifest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.errors import InputError
from featurizer.results.files import atomic_path
from featurizer.results.names import FEATURE_SET
from featurizer.results.spelling import record
from featurizer.results.store_path import opened
from featurizer.results.whole import file_hashes

SUPERVISED = "supervised.parquet"


def write_supervised(path: Path, items: Iterable[str]) -> None:
    """Write the ids of the items whose interactions taught a space."""
    with atomic_path(path) as partial:
        pq.write_table(pa.table({"item_id": pa.array(list(items), pa.string())}), partial)


def attach_supervised(folder: Path, items: Iterable[str]) -> None:
    """Write the ids beside a finished feature set, and the file's sha256 into its manifest."""
    write_supervised(folder / SUPERVISED, items)
    record(folder / FEATURE_SET, {"files": file_hashes([folder / SUPERVISED])})


def read_supervised(path: Path) -> list[str]:
    """Return the ids of the items whose interactions taught a space.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        with opened(path) as file:
            found: list[str] = pq.read_table(file, columns=["item_id"]).column("item_id").to_pylist()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise InputError(
            f"{path} cannot be read: {error}; expected the ids of the items that taught the map. Align again."
        ) from error
    return found
