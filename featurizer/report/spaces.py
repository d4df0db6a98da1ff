"""The spaces shown: their vectors of the shown items, and what each makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import unit_rows
from featurizer.features.lookup import rows_of
from featurizer.features.schema import arrow_to_vectors
from featurizer.progress import Progress, Report, silent
from featurizer.ranking.nearest import nearest
from featurizer.ranking.neighbors import Neighbors
from featurizer.report.projection import MOST, Projection, project

NEAREST = 12
"""Neighbors an item that the page holds."""
MEMORY = 256_000_000
"""Bytes that a block of cosines may take."""
SAME = 1e-3
"""Unit vectors that differ by no more in any column are the same, rounding and batch size aside."""


@dataclass(frozen=True, slots=True)
class ReportSpace:
    """What the page shows of a space.

    Attributes:
        name: as shown.
        feature_set: whose it is.
        modality: `image`, `text` or `both`.
        dim: of its vectors.
        present: (n,) bool, which items have a vector that is not zero.
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
    item_ids: Sequence[str],
    seed: int,
    *,
    tsne: bool,
    report: Report = silent,
) -> tuple[list[ReportSpace], list[str]]:
    """Find neighbors and maps of every space among the n items; return the spaces, and what was left out and why."""
    notes: list[str] = []
    todo = sum(len(one.spaces) for one in feature_sets.values())
    spaces: list[ReportSpace] = []
    for shown, label, name, units in _distinct(feature_sets, item_ids, notes.append):
        report(Progress("maps and neighbors", len(spaces), todo, unit="spaces", note=shown))
        present = np.asarray(units.any(1))
        count = int(present.sum())
        if count < 2:
            notes.append(f"{shown}: fewer than two of the items shown have a vector")
            continue
        space = ReportSpace(
            shown,
            label,
            feature_sets[label].spaces[name].modality,
            units.shape[1],
            present,
            nearest(units, min(NEAREST, count - 1), memory=MEMORY),
            tuple(project(units, present, seed, tsne=tsne)),
        )
        spaces.append(space)
        if tsne and count > MOST:
            notes.append(f"{shown}: t-SNE shows a sample of {MOST:,} of its {count:,} items (seed {seed})")
    report(Progress("maps and neighbors", todo, todo, unit="spaces"))
    return spaces, notes


def _distinct(
    feature_sets: Mapping[str, FeatureSet], item_ids: Sequence[str], say: Callable[[str], None]
) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Yield every space once: how it is shown, whose it is, its name, and its (n, d) unit vectors.

    Of one name twice, the second says whose it is, unless its vectors are the same.
    """
    rows = {label: rows_of(one, item_ids) for label, one in feature_sets.items()}
    first: dict[str, str] = {}
    for label, feature_set in feature_sets.items():
        for name in feature_set.spaces:
            units = _read(feature_set, name, rows[label])
            other = first.setdefault(name, label)
            if other == label:
                yield name, label, name, units
                continue
            before = _read(feature_sets[other], name, rows[other])
            if before.shape == units.shape and np.abs(before - units).max(initial=0) <= SAME:
                say(f"{name} of {label} holds the same vectors as that of {other} and is shown once")
            else:
                yield f"{name} ({label})", label, name, units


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
