"""What changed from one feature set to the next: items, vectors, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.features.feature_set import FeatureSet
from featurizer.features.inspect import Neighbor
from featurizer.features.join import SpaceVectors
from featurizer.features.lookup import RowReader, matching_rows, read_rows
from featurizer.features.options import SHARD_ROWS
from featurizer.features.schema import arrow_to_vectors
from featurizer.records import Json

SHOWN = 5
"""How many of the most changed items a space lists."""
SHUFFLED = 1 << 26
"""Bytes of vectors that are looked at at once where the items stand in another order."""
RECIPE = ("text_recipe", "source", "failures", "device", "libraries", "featurizer_version")
"""What is compared of the manifest beside the spaces."""
COUNTS = ("null",)
"""Parts of a space's entry that follow from the vectors."""


@dataclass(frozen=True, slots=True)
class SpaceDifference:
    """One space that both sets have, over the items that both have.

    Attributes:
        compared: items that have a vector in both.
        unequal: of these, vectors that differ in any bit.
        changed: of these, vectors whose cosine is below 1 minus the tolerance.
        appeared: items that have a vector only in the second; `vanished`: only in the first.
        mean_cosine: over the compared; None when none are, or the dimensions differ. `lowest_cosine` likewise.
        most_changed: changed items, the most changed first.
        dims: of both.
    """

    compared: int
    unequal: int
    changed: int
    appeared: int
    vanished: int
    mean_cosine: float | None
    lowest_cosine: float | None
    most_changed: list[Neighbor]
    dims: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the manifests that differs; `key` is dotted."""

    key: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two sets."""

    items_added: list[str]
    items_removed: list[str]
    reordered: bool
    spaces_added: list[str]
    spaces_removed: list[str]
    spaces: dict[str, SpaceDifference]
    provenance: list[Change]

    def __repr__(self) -> str:
        if self.same:
            return "Difference(none)"
        changed = [
            f"{name}: {one.unequal:,} of {one.compared:,} vectors differ"
            for name, one in self.spaces.items()
            if one.unequal
        ]
        counts: dict[str, Sequence[object]] = {
            "items added": self.items_added,
            "items removed": self.items_removed,
            "spaces added": self.spaces_added,
            "spaces removed": self.spaces_removed,
            "facts changed": self.provenance,
        }
        told = [f"{len(found):,} {word}" for word, found in counts.items() if found]
        return f"Difference({'; '.join([*told, *changed, *(['reordered'] if self.reordered else [])])})"

    @property
    def vectors_equal(self) -> bool:
        """Whether every space that both have holds the same vectors, bit for bit, of the items that both have."""
        return not any(
            one.unequal or one.appeared or one.vanished or one.dims[0] != one.dims[1]
            for one in self.spaces.values()
        )

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        lists = (
            self.items_added,
            self.items_removed,
            self.spaces_added,
            self.spaces_removed,
            self.provenance,
        )
        return self.vectors_equal and not (any(lists) or self.reordered)


def difference(before: FeatureSet, after: FeatureSet, *, tolerance: float = 1e-6) -> Difference:
    """Compare two feature sets by item id, shard by shard: 60 bytes an item are in memory, and no space.

    Args:
        before: the older set.
        after: the newer.
        tolerance: a vector has changed when its cosine with the other is below 1 - tolerance.
    """
    places = matching_rows(before, after)
    rows_after = np.flatnonzero(places >= 0)
    rows_before = places[rows_after]
    gone = np.ones(before.rows, bool)
    gone[rows_before] = False
    reordered = bool((np.diff(rows_before) < 0).any())
    common = [name for name in before.spaces if name in after.spaces]
    return Difference(
        items_added=_ids(after, np.flatnonzero(places < 0)),
        items_removed=_ids(before, np.flatnonzero(gone)),
        reordered=reordered,
        spaces_added=[name for name in after.spaces if name not in before.spaces],
        spaces_removed=[name for name in before.spaces if name not in after.spaces],
        spaces={
            name: _Compared(before, after, name, tolerance).over(rows_before, rows_after, reordered=reordered)
            for name in common
        },
        provenance=_provenance(before, after, common),
    )


def _ids(feature_set: FeatureSet, rows: np.ndarray) -> list[str]:
    found: list[str] = read_rows(feature_set, ["item_id"], rows).column(0).to_pylist() if len(rows) else []
    return found


class _Compared:
    """One space of two sets, compared block by block."""

    def __init__(self, before: FeatureSet, after: FeatureSet, name: str, tolerance: float) -> None:
        self.sets, self.name, self.tolerance = (before, after), name, tolerance
        self.dims = (before.spaces[name].dim, after.spaces[name].dim)
        self.appeared = self.vanished = self.unequal = 0
        self.cosines = [np.zeros(0)]
        self.rows = [np.zeros(0, np.int64)]

    def over(self, before: np.ndarray, after: np.ndarray, *, reordered: bool) -> SpaceDifference:
        """Compare (m,) rows of the one with (m,) of the other, which ascend.

        Rows that do not ascend in the first are read in larger blocks: each block may look into every shard.
        """
        size = max(SHARD_ROWS, SHUFFLED // (4 * max(self.dims))) if reordered else SHARD_ROWS
        readers = [RowReader(one, [self.name]) for one in self.sets]
        for start in range(0, len(after), size):
            some = [rows[start : start + size] for rows in (before, after)]
            old, new = (
                arrow_to_vectors(reader.read(rows).column(0))
                for reader, rows in zip(readers, some, strict=True)
            )
            self._add(old, new, some[1])
        return self._result()

    def _add(self, before: SpaceVectors, after: SpaceVectors, rows: np.ndarray) -> None:
        shared = before[1] & after[1]
        self.appeared += int((after[1] & ~before[1]).sum())
        self.vanished += int((before[1] & ~after[1]).sum())
        self.rows.append(rows[shared])
        if self.dims[0] == self.dims[1]:
            first, second = before[0][shared], after[0][shared]
            self.unequal += int((first != second).any(axis=1).sum())
            self.cosines.append(_cosines(first, second))

    def _result(self) -> SpaceDifference:
        rows, cosines = np.concatenate(self.rows), np.concatenate(self.cosines)
        if not len(cosines):
            return SpaceDifference(len(rows), 0, 0, self.appeared, self.vanished, None, None, [], self.dims)
        changed = cosines < 1 - self.tolerance
        first = np.argsort(cosines, kind="stable")[:SHOWN]
        shown = first[changed[first]]
        return SpaceDifference(
            compared=len(rows),
            unequal=self.unequal,
            changed=int(changed.sum()),
            appeared=self.appeared,
            vanished=self.vanished,
            mean_cosine=float(cosines.mean()),
            lowest_cosine=float(cosines.min()),
            most_changed=[
                Neighbor(*pair)
                for pair in zip(_ids(self.sets[1], rows[shown]), cosines[shown].tolist(), strict=True)
            ],
            dims=self.dims,
        )


def _cosines(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return (n,) cosines; of equal rows exactly 1, also of two zero rows, and 0 when one alone is zero."""
    first, second = before.astype(np.float64), after.astype(np.float64)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    dots = np.einsum("nd,nd->n", first, second)
    cosines = np.divide(dots, norms, out=np.zeros(len(dots)), where=norms > 0).clip(-1, 1)
    return np.where((first == second).all(axis=1), 1.0, cosines)


def _provenance(before: FeatureSet, after: FeatureSet, common: list[str]) -> list[Change]:
    changes = [
        change for name in common for change in _changes(_spec(before, name), _spec(after, name), f"{name}.")
    ]
    return [*changes, *_changes(_recipe(before), _recipe(after))]


def _changes(before: Mapping[str, Json], after: Mapping[str, Json], prefix: str = "") -> Iterator[Change]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new, f"{prefix}{key}.")
        elif old != new:
            yield Change(f"{prefix}{key}", old, new)


def _spec(feature_set: FeatureSet, name: str) -> Mapping[str, Json]:
    return {key: value for key, value in feature_set.spaces[name].document().items() if key not in COUNTS}


def _recipe(feature_set: FeatureSet) -> Mapping[str, Json]:
    document = feature_set.manifest.document()
    return {key: document.get(key) for key in RECIPE}
