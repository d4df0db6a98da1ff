"""What changed from one feature set to the next: items, vectors, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.features.feature_set import FeatureSet
from featurizer.features.inspect import Neighbor
from featurizer.records import Json

SHOWN = 5
"""How many of the most changed items a space lists."""
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
    """Compare two feature sets by item id; one space of both is in memory at a time.

    Args:
        before: the older set.
        after: the newer.
        tolerance: a vector has changed when its cosine with the other is below 1 - tolerance.
    """
    old_ids, new_ids = before.item_ids(), after.item_ids()
    old_rows = {item: row for row, item in enumerate(old_ids)}
    new_set = set(new_ids)
    both = [item for item in new_ids if item in old_rows]
    rows_after = np.array([row for row, item in enumerate(new_ids) if item in old_rows], dtype=np.int64)
    rows_before = np.array([old_rows[item] for item in both], dtype=np.int64)
    common = [name for name in before.spaces if name in after.spaces]
    return Difference(
        items_added=[item for item in new_ids if item not in old_rows],
        items_removed=[item for item in old_ids if item not in new_set],
        reordered=bool((np.diff(rows_before) < 0).any()),
        spaces_added=[name for name in after.spaces if name not in before.spaces],
        spaces_removed=[name for name in before.spaces if name not in after.spaces],
        spaces={
            name: _compare(
                both, _rows(before, name, rows_before), _rows(after, name, rows_after), tolerance=tolerance
            )
            for name in common
        },
        provenance=_provenance(before, after, common),
    )


def _rows(feature_set: FeatureSet, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vectors, present = feature_set.vectors(name)
    return vectors[rows], present[rows]


def _compare(
    ids: list[str],
    before: tuple[np.ndarray, np.ndarray],
    after: tuple[np.ndarray, np.ndarray],
    *,
    tolerance: float,
) -> SpaceDifference:
    shared = before[1] & after[1]
    dims = (before[0].shape[1], after[0].shape[1])
    appeared, vanished = int((after[1] & ~before[1]).sum()), int((before[1] & ~after[1]).sum())
    if dims[0] != dims[1] or not shared.any():
        return SpaceDifference(int(shared.sum()), 0, 0, appeared, vanished, None, None, [], dims)
    first, second = before[0][shared], after[0][shared]
    cosines = _cosines(first, second)
    places = np.flatnonzero(shared)
    order = np.argsort(cosines, kind="stable")
    changed = cosines < 1 - tolerance
    return SpaceDifference(
        compared=len(places),
        unequal=int((first != second).any(axis=1).sum()),
        changed=int(changed.sum()),
        appeared=appeared,
        vanished=vanished,
        mean_cosine=float(cosines.mean()),
        lowest_cosine=float(cosines.min()),
        most_changed=[
            Neighbor(ids[places[row]], float(cosines[row])) for row in order[:SHOWN] if changed[row]
        ],
        dims=dims,
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
