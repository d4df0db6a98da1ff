"""Which items are shown: all of them, or a seeded sample of so many as a page can carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from featurizer.features.feature_set import FeatureSet
from featurizer.packed_ids import PackedIds


def draw_sample(feature_sets: Iterable[FeatureSet], most: int, seed: int) -> tuple[list[str], int]:
    """Choose at most `most` of the items that any feature set has, each as likely as any other.

    Returns:
        Their ids, in the order of the feature sets, and how many items there are.
    """
    sets = list(feature_sets)
    packed = PackedIds()
    for one in sets:
        for table in one.tables(["item_id"]):
            packed.add(table.column("item_id").to_pylist())
    first = np.ones(len(packed), bool)
    first[packed.repeated()] = False
    places = np.flatnonzero(first)
    total = len(places)
    if total > most:
        kept = np.random.default_rng([seed, 1]).choice(total, most, replace=False)
        places = places[np.sort(kept)]
    return list(_ids_at(sets, places)), total


def _ids_at(feature_sets: Sequence[FeatureSet], places: np.ndarray) -> Iterator[str]:
    """Yield the ids at ascending places of all sets, one after the other."""
    start = 0
    for one in feature_sets:
        for table in one.tables(["item_id"]):
            here = places[(places >= start) & (places < start + len(table))]
            yield from table.column("item_id").take(here - start).to_pylist()
            start += len(table)
