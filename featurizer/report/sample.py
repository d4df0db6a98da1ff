"""Which items are shown: all of them, or a seeded sample of so many as a page can carry."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from featurizer.features.feature_set import FeatureSet


def draw_sample(feature_sets: Iterable[FeatureSet], most: int, seed: int) -> tuple[list[str], int]:
    """Choose at most `most` of the items that any feature set has, each as likely as any other.

    Returns:
        Their ids, in the order of the feature sets, and how many items there are.
    """
    every = list(dict.fromkeys(item for one in feature_sets for item in one.item_ids()))
    if len(every) <= most:
        return every, len(every)
    kept = np.sort(np.random.default_rng([seed, 1]).choice(len(every), most, replace=False))
    return [every[place] for place in kept], len(every)
