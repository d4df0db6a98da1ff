"""One space of a feature set, read as far as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from featurizer.features.schema import arrow_to_vectors
from featurizer.results.store_path import opened

if TYPE_CHECKING:
    import polars as pl

    from featurizer.features.feature_set import FeatureSet
    from featurizer.features.inspect import Neighbor


@dataclass(frozen=True, slots=True)
class SpaceRows:
    """The (n, d) float32 vectors of a space, on disk: an index or a slice reads the shards that it touches.

    An item without a vector is a row of NaN. `numpy.asarray` reads everything.
    """

    features: FeatureSet
    space: str
    shape: tuple[int, int]

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Always float32, whatever is stored."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        if isinstance(rows, int | np.integer):
            return np.asarray(self._read(np.array([self._row(int(rows))]))[0])
        if isinstance(rows, slice):
            return self._read(np.arange(self.shape[0])[rows])
        chosen = np.asarray(rows)
        wanted = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        return self._read(np.array([self._row(int(row)) for row in wanted], np.int64))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: ANN401, FBT001 - NumPy's
        return self[:] if dtype is None else self[:].astype(dtype)

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the rows shard by shard, in order; one shard is in memory at a time."""
        for table in self.features.tables([self.space]):
            yield _with_nan(*arrow_to_vectors(table.column(self.space)))

    def _row(self, row: int) -> int:
        if not -self.shape[0] <= row < self.shape[0]:
            raise IndexError(f"row {row} of a space of {self.shape[0]} items")
        return row % self.shape[0]

    def _read(self, rows: np.ndarray) -> np.ndarray:
        found = np.empty((len(rows), self.shape[1]), np.float32)
        start = 0
        for path in self.features.shards:
            with opened(path) as source, pq.ParquetFile(source) as file:
                for group in range(file.num_row_groups):
                    stop = start + file.metadata.row_group(group).num_rows
                    inside = np.flatnonzero((rows >= start) & (rows < stop))
                    if len(inside):
                        column = file.read_row_group(group, columns=[self.space]).column(0)
                        found[inside] = _with_nan(*arrow_to_vectors(column))[rows[inside] - start]
                    start = stop
        return found


def _with_nan(vectors: np.ndarray, present: np.ndarray) -> np.ndarray:
    vectors[~present] = np.nan
    return vectors


@dataclass(frozen=True, slots=True)
class Space:
    """One space of a feature set: `features["minilm_text"]`."""

    features: FeatureSet
    name: str

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.features.spaces[self.name].dim

    @property
    def modality(self) -> str:
        """What the vectors were made from: `image`, `text` or `both`."""
        return self.features.spaces[self.name].modality

    @property
    def provenance(self) -> dict[str, Any]:
        """What the manifest says of the space: model, revision, weights, preprocessing, license, …."""
        return self.features.spaces[self.name].document()

    @property
    def ids(self) -> list[str]:
        """The item ids, in row order."""
        return self.features.item_ids()

    @property
    def vectors(self) -> SpaceRows:
        """The (n, d) float32 vectors, NaN where an item has none; read as far as they are asked for."""
        return SpaceRows(self.features, self.name, (self.features.rows, self.dim))

    @property
    def present(self) -> np.ndarray:
        """(n,) bool, which items have a vector."""
        parts = [table.column(self.name).is_valid().to_numpy() for table in self.features.tables([self.name])]
        return np.concatenate(parts)

    def neighbors(self, item_id: str, k: int = 10) -> list[Neighbor]:
        """Return an item's k nearest others by cosine, best first; none where it has no vector.

        Raises:
            InputError: the set has no such item.
        """
        from featurizer.features.inspect import neighbors_of

        return neighbors_of(self.features, item_id, k=k, spaces=[self.name]).get(self.name, [])

    def to_polars(self) -> pl.DataFrame:
        """Return ids and vectors as a frame; null where an item has none."""
        return self.features.to_polars([self.name])

    def __len__(self) -> int:
        return self.features.rows

    def __repr__(self) -> str:
        size = f"{self.features.rows:,} items × {self.dim}"
        return f"Space({self.name}: {size}, {self.modality}, {self.provenance['model']})"
