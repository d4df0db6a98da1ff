"""Which items are shown: all of them, or a seeded sample of so many as a page can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from featurizer.features.feature_set import FeatureSet


@dataclass(frozen=True, slots=True)
class Sample:
    """The items shown, in the order of the feature sets.

    Attributes:
        item_ids: n ids.
        total: how many there are.
        rows: of each feature set, (n,) the item's row there, -1 where it has none.
    """

    item_ids: tuple[str, ...]
    total: int
    rows: Mapping[str, np.ndarray]


def draw_sample(feature_sets: Mapping[str, FeatureSet], most: int, seed: int) -> Sample:
    """Choose at most `most` of the items that any feature set has, each as likely as any other."""
    own = {label: one.item_ids() for label, one in feature_sets.items()}
    every = list(dict.fromkeys(item for ids in own.values() for item in ids))
    kept = np.arange(len(every))
    if len(every) > most:
        kept = np.sort(np.random.default_rng([seed, 1]).choice(len(every), most, replace=False))
    item_ids = tuple(every[place] for place in kept)
    rows = {}
    for label, ids in own.items():
        row_of = {item: row for row, item in enumerate(ids)}
        rows[label] = np.array([row_of.get(item, -1) for item in item_ids], np.int64)
    return Sample(item_ids, len(every), rows)
