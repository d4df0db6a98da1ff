"""Some items of a feature set, found and read shard by shard: what the set holds beside them is never in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet


def rows_of(feature_set: FeatureSet, items: Sequence[str]) -> np.ndarray:
    """Return (m,) int64 the rows of m items, -1 for one that the set does not have.

    Raises:
        InputError: a shard cannot be read.
    """
    wanted, start = pa.array(items, pa.string()), 0
    found = np.full(len(items), -1)
    for table in feature_set.tables(["item_id"]):
        ids = table.column("item_id").combine_chunks()
        places = pc.index_in(wanted, ids)
        there = places.is_valid().to_numpy(zero_copy_only=False)
        found[there] = start + places.drop_null().to_numpy()
        start += len(ids)
    return found


def read_rows(feature_set: FeatureSet, columns: Sequence[str], rows: np.ndarray) -> pa.Table:
    """Read some columns of m >= 1 rows, in the order of the rows; only shards that hold them are read.

    Raises:
        InputError: a shard cannot be read, or holds other items than the manifest says.
    """
    shards = feature_set.manifest.shards
    starts = np.cumsum([0, *(shard.rows for shard in shards)])
    home = np.searchsorted(starts, rows, side="right") - 1
    parts, order = [], []
    for index in np.unique(home).tolist():
        table = feature_set.shard(index, columns)
        if len(table) != shards[index].rows:
            raise InputError(
                f"{feature_set.shards[index]} holds {len(table)} rows, the manifest says {shards[index].rows}; "
                f"'featurizer verify {feature_set.folder}' lists what is damaged"
            )
        here = np.flatnonzero(home == index)
        order.append(here)
        parts.append(table.take(rows[here] - starts[index]))
    return pa.concat_tables(parts).take(np.argsort(np.concatenate(order)))
