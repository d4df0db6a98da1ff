"""Rows of a feature set on their way out: chosen, in an order, filled where they are missing, read as far as asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from featurizer.features.feature_set import FeatureSet
from featurizer.features.lookup import RowReader
from featurizer.features.options import SHARD_ROWS
from featurizer.features.schema import arrow_to_vectors
from featurizer.release.exchange.content import Missing, refuse_missing


@dataclass(frozen=True, slots=True)
class ChosenIds(Sequence[str]):
    """n ids that are read as they are looked at, so that none need be in memory.

    Attributes:
        reader: of the set's ids.
        rows: (m,) the numbers of the items that the set has.
        added: ids that come behind them.
    """

    reader: RowReader
    rows: np.ndarray
    added: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.rows) + len(self.added)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Return one id, or the ids of a slice."""
        places = range(len(self))
        return self._read(places[at]) if isinstance(at, slice) else self._read([places[at]])[0]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), SHARD_ROWS):
            yield from self[start : start + SHARD_ROWS]

    def _read(self, places: Sequence[int]) -> list[str]:
        own = len(self.rows)
        known = [place for place in places if place < own]
        found = iter(self.reader.read(self.rows[known]).column(0).to_pylist() if known else [])
        return [next(found) if place < own else self.added[place - own] for place in places]


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """(n, d) float32 rows of a space; a slice reads the shards that it touches.

    Attributes:
        reader: of the space's column.
        rows: (n,) their numbers, -1 for an item that the set does not have.
        filled: (d,) what stands where a vector is missing.
    """

    reader: RowReader
    rows: np.ndarray
    filled: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Items and dimensions."""
        return len(self.rows), len(self.filled)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice) -> np.ndarray:
        vectors, present = self.read(some)
        vectors[~present] = self.filled
        return vectors

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # noqa: ANN401, FBT001 - NumPy's
        return self[:] if dtype is None else self[:].astype(dtype)

    def read(self, some: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return ((m, d) vectors, zeros where missing; (m,) bool, present) of a slice."""
        rows = self.rows[some]
        vectors, present = np.zeros((len(rows), len(self.filled)), np.float32), np.zeros(len(rows), bool)
        known = rows >= 0
        if known.any():
            vectors[known], present[known] = arrow_to_vectors(self.reader.read(rows[known]).column(0))
        return vectors, present


def chosen_rows(
    feature_set: FeatureSet, name: str, rows: np.ndarray, missing: Missing
) -> tuple[ChosenRows, np.ndarray]:
    """Return the rows of a space, and (n,) bool which have a vector.

    Args:
        feature_set: the set.
        name: the space's.
        rows: (n,) their numbers, -1 for an item that the set does not have.
        missing: what stands where a vector is missing.

    Raises:
        InputError: vectors are missing and `missing` is `error`, or none is present to take the mean of.
    """
    spec = feature_set.spaces[name]
    found = ChosenRows(RowReader(feature_set, [name]), rows, np.zeros(spec.dim, np.float32))
    if not spec.null and missing != "mean":
        present = rows >= 0
    else:
        parts, total = [np.zeros(0, bool)], np.zeros(spec.dim)
        for start in range(0, len(rows), SHARD_ROWS):
            vectors, there = found.read(slice(start, start + SHARD_ROWS))
            parts.append(there)
            total += vectors[there].sum(axis=0, dtype=np.float64)
        present = np.concatenate(parts)
        if missing == "mean" and present.any():
            found.filled[:] = total / present.sum()
    refuse_missing(present, missing, name)
    return found, present
