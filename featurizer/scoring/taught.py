"""What a space was learned from: which items' interactions taught it, and how to learn it again from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from featurizer.alignment.again import again
from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import SpaceVectors
from featurizer.features.supervised import SUPERVISED, read_supervised
from featurizer.interactions.user_items import UserItems
from featurizer.results.manifests.feature_set import SpaceProvenance
from featurizer.scoring.document import CONTENT, INTERACTIONS, NOT_USED, OTHERS, UNKNOWN

Change: TypeAlias = Callable[[Sequence[SpaceVectors]], list[SpaceVectors]]
"""Content to other content of the same shape."""
Learn: TypeAlias = Callable[[UserItems, Change], tuple[np.ndarray, np.ndarray]]
"""Train items by shared item, and what is done to the content first, to the space's (n, d) vectors and (n,) present."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What is known of a space's supervision.

    Attributes:
        items: (n,) bool, the shared items whose interactions taught it; all where that is not recorded.
        learn: learns it again; None where its recipe is not known.
    """

    items: np.ndarray
    learn: Learn | None


def origin(name: str, spaces: Mapping[str, SpaceProvenance], interactions: str | None = None) -> str:
    """Say what a space was learned from, by what its provenance tells, and that of those it was made of.

    Args:
        name: the space.
        spaces: those of its set.
        interactions: the sha256 of the file that it is scored with; None where it is not scored.

    Returns:
        One of the words above; of what interactions made of vectors of unknown origin two, `interactions, unknown`.
    """
    spec = spaces[name]
    if spec.saw_interactions:
        recipe = again(spec, spaces)
        parts = [] if recipe is None else [origin(part, spaces) for part in recipe.spaces]
        own = OTHERS if interactions and spec.interactions not in (None, interactions) else INTERACTIONS
        return f"{own}, {UNKNOWN}" if UNKNOWN in parts else own
    if spec.family in (None, "imported"):
        return UNKNOWN
    return NOT_USED if spec.preprocessing.get("training") == "not used" else CONTENT


def taught(features: FeatureSet, name: str, rows: np.ndarray) -> Taught | None:
    """Say what taught a space; None where content alone did.

    Args:
        features: its set.
        name: the space.
        rows: (n,) the rows of the shared items.
    """
    spec = features.spaces[name]
    if not spec.saw_interactions:
        return None
    listed = features.folder / SUPERVISED
    items = np.ones(len(rows), bool)
    if spec.supervised is not None and listed.exists():
        known, ids = set(read_supervised(listed)), features.item_ids()
        items = np.array([ids[row] in known for row in rows.tolist()])
    recipe = again(spec, features.spaces)
    if recipe is None:
        return Taught(items, None)

    def learn(train: UserItems, change: Change) -> tuple[np.ndarray, np.ndarray]:
        parts: list[SpaceVectors] = [
            (vectors[rows], present[rows]) for vectors, present in map(features.vectors, recipe.spaces)
        ]
        return recipe.learn(change(parts), train)

    return Taught(items, learn)
