"""What a perfect encoder would see: the traits themselves, one-hot, and the same as a table.

A trait's block is scaled by the square root of what taste gives for it, so that the dot product of two items
is the utility that their common traits have for a user who likes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from featurizer.catalog.sample.traits import VALUES, SampleItem, codes, trait
from featurizer.catalog.sample.users import LIKES

SPACES: dict[str, tuple[str, ...]] = {
    "oracle_image": ("color", "pattern", "kind"),
    "oracle_text": ("use", "make", "kind"),
    "oracle_all": ("color", "pattern", "use", "make", "kind"),
}
"""Which traits' one-hot blocks stand side by side in each oracle column."""


def weight(name: str) -> float:
    """Return what stands in a trait's block instead of 1: the square root of its utility."""
    return math.sqrt(LIKES[name][1])


def oracle(items: Sequence[SampleItem], space: str) -> NDArray[np.float32]:
    """Return a space of `SPACES`: its traits' one-hot blocks, each scaled by its `weight`, [n, dim]."""
    blocks = [weight(name) * np.eye(len(VALUES[name]))[codes(items, name)] for name in SPACES[space]]
    return np.concatenate(blocks, axis=1).astype(np.float32)


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
