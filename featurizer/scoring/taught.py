"""What a space was learned from: which items' interactions taught it, and how to learn it again from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from featurizer.alignment.again import again
from featurizer.features.feature_set import FeatureSet
from featurizer.features.join import SpaceVectors
from featurizer.features.supervised import SUPERVISED, read_supervised
from featurizer.interactions.user_items import UserItems
from featurizer.results.manifests.feature_set import SpaceProvenance

Change: TypeAlias = Callable[[Sequence[SpaceVectors]], list[SpaceVectors]]
"""Content to other content of the same shape."""
Learn: TypeAlias = Callable[[UserItems, Change], tuple[np.ndarray, np.ndarray]]
"""Train items by shared item, and what is done to the content first, to the space's (n, d) vectors and (n,) present."""
Origin: TypeAlias = Literal[
    "content", "training not used", "interactions", "interactions, unknown", "unknown"
]
"""What a space was learned from, from content alone to what nobody knows.

`training not used` of an alignment that kept its start, `unknown` of vectors that came without saying so, and
`interactions, unknown` of what interactions made of such vectors.
"""


@dataclass(frozen=True, slots=True)
class Taught:
    """What is known of a space's supervision.

    Attributes:
        items: (n,) bool, the shared items whose interactions taught it; all where that is not recorded.
        learn: learns it again; None where its recipe is not known.
    """

    items: np.ndarray
    learn: Learn | None


def origin(name: str, spaces: Mapping[str, SpaceProvenance]) -> Origin:
    """Say what a space was learned from, by what its provenance tells, and that of those it was made of."""
    spec = spaces[name]
    if spec.saw_interactions:
        recipe = again(spec, spaces)
        parts = [] if recipe is None else [origin(part, spaces) for part in recipe.spaces]
        return "interactions, unknown" if "unknown" in parts else "interactions"
    if spec.family in (None, "imported"):
        return "unknown"
    return "training not used" if spec.preprocessing.get("training") == "not used" else "content"


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
