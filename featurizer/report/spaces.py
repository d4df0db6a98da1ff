"""The spaces shown: their vectors of the shown items, and what each makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import unit_rows
from featurizer.features.schema import arrow_to_vectors
from featurizer.progress import Progress, Report, silent
from featurizer.ranking.nearest import Neighbors, nearest
from featurizer.report.projection import Projection, project
from featurizer.report.sample import Sample

NEAREST = 12
"""Neighbors an item that the page holds."""
MEMORY = 256_000_000
"""Bytes that a block of cosines may take."""
SAME = 1e-3
"""Unit vectors that differ by no more in any column are the same, rounding and batch size aside."""


@dataclass(frozen=True, slots=True)
class SpaceVectors:
    """A space's (n, d) float32 unit vectors of the shown items; zeros where an item has none."""

    name: str
    feature_set: str
    modality: str
    units: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """(n,) bool: which items have a vector that is not zero."""
        return np.asarray(self.units.any(1))


@dataclass(frozen=True, slots=True)
class ReportSpace:
    """What the page shows of a space.

    Attributes:
        name: as shown.
        feature_set: whose it is.
        modality: `image`, `text` or `both`.
        dim: of its vectors.
        present: (n,) bool, which items have a vector.
        neighbors: of each item, among the shown items.
        maps: pictures of it in the plane.
    """

    name: str
    feature_set: str
    modality: str
    dim: int
    present: np.ndarray
    neighbors: Neighbors
    maps: tuple[Projection, ...]


def make_spaces(
    feature_sets: Mapping[str, FeatureSet],
    sample: Sample,
    seed: int,
    *,
    tsne: bool,
    report: Report = silent,
) -> tuple[list[ReportSpace], list[str]]:
    """Find neighbors and maps of every space; return the spaces, and what was left out and why."""
    notes: list[str] = []
    todo = sum(len(one.spaces) for one in feature_sets.values())
    spaces: list[ReportSpace] = []
    for vectors in _distinct(feature_sets, sample, notes.append):
        report(Progress("maps and neighbors", len(spaces), todo, unit="spaces", note=vectors.name))
        if vectors.present.sum() < 2:
            notes.append(f"{vectors.name}: fewer than two of the items shown have a vector")
            continue
        spaces.append(_space(vectors, seed, tsne=tsne))
    report(Progress("maps and neighbors", todo, todo, unit="spaces"))
    return spaces, notes


def _space(vectors: SpaceVectors, seed: int, *, tsne: bool) -> ReportSpace:
    many = min(NEAREST, int(vectors.present.sum()) - 1)
    return ReportSpace(
        vectors.name,
        vectors.feature_set,
        vectors.modality,
        vectors.units.shape[1],
        vectors.present,
        nearest(vectors.units, many, memory=MEMORY),
        tuple(project(vectors.units, vectors.present, seed, tsne=tsne)),
    )


def _distinct(
    feature_sets: Mapping[str, FeatureSet], sample: Sample, say: Callable[[str], None]
) -> Iterator[SpaceVectors]:
    """Yield every space once; of one name twice, the second says whose it is, unless its vectors are the same."""
    seen: dict[str, tuple[str, FeatureSet]] = {}
    for label, feature_set in feature_sets.items():
        for name, spec in feature_set.spaces.items():
            units = _read(feature_set, name, sample.rows[label])
            shown = name
            if name in seen:
                other_label, other = seen[name]
                before = _read(other, name, sample.rows[other_label])
                if before.shape == units.shape and np.abs(before - units).max(initial=0) <= SAME:
                    say(
                        f"{name} of {label} holds the same vectors as that of {other_label} and is shown once"
                    )
                    continue
                shown = f"{name} ({label})"
            seen.setdefault(name, (label, feature_set))
            yield SpaceVectors(shown, label, spec.modality, units)


def _read(feature_set: FeatureSet, space: str, rows: np.ndarray) -> np.ndarray:
    """Read the (n, d) unit vectors of rows, shard by shard; -1 and null become zeros, as do rows not finite."""
    dim = feature_set.spaces[space].dim
    units, start = np.zeros((len(rows), dim), np.float32), 0
    for table in feature_set.tables([space]):
        here = np.flatnonzero((rows >= start) & (rows < start + len(table)))
        vectors, _ = arrow_to_vectors(table.column(space))
        chosen = vectors[rows[here] - start]
        chosen[~np.isfinite(chosen).all(1)] = 0
        units[here] = unit_rows(chosen)
        start += len(table)
    return units
