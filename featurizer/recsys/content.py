"""Reading the features that a model trains on: one space, or several joined."""

from __future__ import annotations

import numpy as np

from featurizer.alignment.content import ContentMap
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import SpaceVectors, join

UNIFIED = "unified"


def default_space(features: FeatureSet) -> str:
    """Return `unified` if the set has it, else its only space.

    Raises:
        InputError: there are several and none is `unified`.
    """
    spaces = list(features.spaces)
    if UNIFIED in spaces:
        return UNIFIED
    if len(spaces) == 1:
        return spaces[0]
    raise InputError(
        f"{features.folder} has the spaces {', '.join(spaces) or 'none'} and no '{UNIFIED}', expected that or one "
        f"alone; choose with --space {spaces[0] if spaces else 'NAME'}, or join several with "
        f"--space {'+'.join(spaces) or 'a+b'}"
    )


def read_features(features: FeatureSet, space: str, fusion: ContentMap | None = None) -> np.ndarray:
    """Read a space, or several joined by `+`: each centered and L2-normalized, a missing part a zero block.

    Args:
        features: the set.
        space: the space, or several.
        fusion: how they are joined, as `chosen_fusion` returns it; None for equal weights.

    Returns:
        (n, f) float32, zero rows where an item has none.

    Raises:
        UnknownName: no such space; the message lists those there are.
    """
    parts = read_parts(features, space)
    return join(parts)[0] if fusion is None else fusion(parts)


def read_parts(features: FeatureSet, space: str) -> list[SpaceVectors]:
    """Read the spaces that `+` joins.

    Raises:
        UnknownName: no such space; the message lists those there are.
    """
    return [features.vectors(features.check_space(name)) for name in space.split("+")]
