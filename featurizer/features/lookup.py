"""Some items of a feature set, found and read shard by shard: what the set holds beside them is never in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.packed_ids import PackedIds


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


def matching_rows(before: FeatureSet, after: FeatureSet) -> np.ndarray:
    """Return (n,) int64 where each item of `after` stands in `before`, -1 for one that it does not have.

    Some 50 bytes an item of either are in memory, no ids.

    Raises:
        InputError: a shard cannot be read.
    """
    old = _digests(before)
    order = np.argsort(old, kind="stable")
    old = old[order]
    new = _digests(after)
    at = np.searchsorted(old, new, side="right") - 1  # of an id that stands there twice, the last
    return np.where((at >= 0) & (old[at] == new), order[at], -1)


def _digests(feature_set: FeatureSet) -> np.ndarray:
    found = PackedIds()
    for table in feature_set.tables(["item_id"]):
        found.add(table.column("item_id").to_pylist())
    return found.digests()


@dataclass
class RowReader:
    """Reads columns of rows by their numbers; the last shard is kept, so that ascending rows read each once."""

    features: FeatureSet
    columns: Sequence[str]
    _kept: dict[int, pa.Table] = field(default_factory=dict)

    def read(self, rows: np.ndarray) -> pa.Table:
        """Return the columns of m >= 1 rows, in the order of the rows; only shards that hold them are read.

        Raises:
            InputError: a shard cannot be read, or holds other items than the manifest says.
        """
        starts = np.cumsum([0, *(shard.rows for shard in self.features.manifest.shards)])
        home = np.searchsorted(starts, rows, side="right") - 1
        parts, order = [], []
        for index in np.unique(home).tolist():
            here = np.flatnonzero(home == index)
            order.append(here)
            parts.append(self._shard(index).take(rows[here] - starts[index]))
        return pa.concat_tables(parts).take(np.argsort(np.concatenate(order)))

    def _shard(self, index: int) -> pa.Table:
        if index not in self._kept:
            table, expected = (
                self.features.shard(index, self.columns),
                self.features.manifest.shards[index].rows,
            )
            if len(table) != expected:
                raise InputError(
                    f"{self.features.shards[index]} holds {len(table)} rows, the manifest says {expected}; "
                    f"'featurizer verify {self.features.folder}' lists what is damaged"
                )
            self._kept = {index: table}
        return self._kept[index]


def read_rows(feature_set: FeatureSet, columns: Sequence[str], rows: np.ndarray) -> pa.Table:
    """Read some columns of m >= 1 rows, in the order of the rows; only shards that hold them are read.

    Raises:
        InputError: a shard cannot be read, or holds other items than the manifest says.
    """
    return RowReader(feature_set, columns).read(rows)
