"""Learning an aligned space again, from other interactions, by what its provenance says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.alignment.fit import fit
from featurizer.alignment.options import AlignOptions
from featurizer.features.join import SpaceVectors
from featurizer.interactions.user_items import UserItems
from featurizer.results.manifests.feature_set import SpaceProvenance


@dataclass(frozen=True, slots=True)
class AlignRecipe:
    """How an aligned space was learned.

    Attributes:
        spaces: on which spaces, in order.
        weights: of each, where they were given.
        options: what there was to choose from.
    """

    spaces: tuple[str, ...]
    weights: tuple[float, ...] | None
    options: AlignOptions

    def learn(self, parts: Sequence[SpaceVectors], train: UserItems) -> tuple[np.ndarray, np.ndarray]:
        """Choose and learn from these interactions alone; return vectors and which items have one."""
        return fit(parts, train, self.options, self.weights).mapping(parts)


def again(spec: SpaceProvenance, spaces: Mapping[str, SpaceProvenance]) -> AlignRecipe | None:
    """Return how to learn a space again; None where it is not aligned, or its spaces are not beside it, untaught."""
    told = spec.preprocessing
    names, options, weights = told.get("spaces"), told.get("options"), told.get("given_weights")
    if spec.family != "align" or not isinstance(names, list) or not isinstance(options, dict):
        return None
    beside = [spaces.get(str(name)) for name in names]
    if not beside or any(one is None or one.saw_interactions for one in beside):
        return None
    try:
        given = tuple(float(str(weight)) for weight in weights) if isinstance(weights, list) else None
        return AlignRecipe(tuple(map(str, names)), given, AlignOptions.model_validate(options))
    except ValueError:  # another version's options: how to learn it again is not known
        return None
