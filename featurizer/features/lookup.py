"""Some items of a feature set, found and read shard by shard: what the set holds beside them is never in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.options import SHARD_ROWS
from featurizer.packed_ids import PackedIds


@dataclass(frozen=True, slots=True)
class ItemIds(Sequence[str]):
    """Ids that lie packed, as Arrow lays them: a string of Python's is made of one when it is looked at.

    Attributes:
        packed: (n,) strings.
    """

    packed: pa.ChunkedArray | pa.Array

    @classmethod
    def of(cls, feature_set: FeatureSet) -> ItemIds:
        """Return the ids of a set, in row order.

        Raises:
            InputError: a shard cannot be read.
        """
        return cls(pa.concat_tables(feature_set.tables(["item_id"])).column("item_id"))

    def __len__(self) -> int:
        return len(self.packed)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Return one id, or the ids of a slice."""
        found: str | list[str] = (
            self.packed[at].to_pylist() if isinstance(at, slice) else self.packed[at].as_py()
        )
        return found

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self.packed), SHARD_ROWS):
            yield from self.packed[start : start + SHARD_ROWS].to_pylist()


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
