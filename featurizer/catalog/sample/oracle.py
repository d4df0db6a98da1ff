"""What a perfect encoder would see: the traits themselves, one-hot, and the same as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from featurizer.catalog.sample.traits import VALUES, SampleItem, codes, trait

SPACES: dict[str, tuple[str, ...]] = {
    "oracle_image": ("colour", "pattern", "kind"),
    "oracle_text": ("use", "make", "kind"),
    "oracle_all": ("colour", "pattern", "use", "make", "kind"),
}
"""Which traits' one-hot blocks stand side by side in each oracle column."""


def oracle(items: Sequence[SampleItem], space: str) -> NDArray[np.float32]:
    """Return a space of `SPACES`: the one-hot blocks of its traits, [n, dim]."""
    blocks = [np.eye(len(VALUES[name]), dtype=np.float32)[codes(items, name)] for name in SPACES[space]]
    return np.concatenate(blocks, axis=1)


def write_oracle(items: Sequence[SampleItem], path: Path) -> None:
    """Write the oracle spaces as fixed-size lists of float32 beside `item_id`."""
    columns: dict[str, pa.Array] = {"item_id": pa.array([item.item_id for item in items], pa.string())}
    for space in SPACES:
        vectors = oracle(items, space)
        columns[space] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    pq.write_table(pa.table(columns), path)


def write_traits(items: Sequence[SampleItem], defects: Sequence[str], path: Path) -> None:
    """Write one row an item: its traits, and the defects planted in it, joined by `|`."""
    columns = {"item_id": [item.item_id for item in items]}
    columns |= {name: [trait(item, name) for item in items] for name in VALUES}
    columns |= {"shape": [str(item.look.shape) for item in items]}
    columns |= {"backdrop": [str(item.look.backdrop) for item in items]}
    pl.DataFrame({**columns, "defect": list(defects)}).write_csv(path)
