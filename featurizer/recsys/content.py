"""Reading the features that a model trains on: one space, or several joined."""

from __future__ import annotations

import numpy as np

from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.recsys.data import ItemFeatures

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
        f"{features.folder} has the spaces {', '.join(spaces) or 'none'} and no '{UNIFIED}'; choose "
        "with --space NAME, or join several with --space a+b"
    )


def read_features(features: FeatureSet, space: str) -> ItemFeatures:
    """Read a space, or several joined by `+`: each L2-normalised, a missing part a zero block.

    Raises:
        UnknownName: no such space; the message lists those there are.
    """
    names = space.split("+")
    parts = [features.vectors(features.check_space(name)) for name in names]
    present = np.any([part[1] for part in parts], axis=0)
    vectors = parts[0][0] if len(parts) == 1 else np.concatenate([_unit(part[0]) for part in parts], axis=1)
    return ItemFeatures(features.item_ids(), vectors, present)


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)
