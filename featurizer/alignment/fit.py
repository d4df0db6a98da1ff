"""From spaces and interactions to the map: choose on inner folds, then learn on all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.alignment.behavior import behavior_vectors
from featurizer.alignment.choose import choose, geometry_of
from featurizer.alignment.content import Axes, joined_content
from featurizer.alignment.learned import Choice, counts
from featurizer.alignment.mapping import Mapping, aligned_matrix
from featurizer.alignment.options import AlignOptions
from featurizer.alignment.ppmi import Ppmi, sampled
from featurizer.alignment.ridge import Ridge, weighted_products
from featurizer.errors import InputError
from featurizer.features.join import SpaceVectors
from featurizer.interactions.user_items import UserItems

FEWEST = 10
"""Seen items with content, at least, however few dimensions are asked for: a fold holds a fifth of them."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """A map, and how it came about.

    Attributes:
        mapping: spaces to aligned vectors.
        choice: what was chosen, and by what.
        supervised: (n,) bool, the items whose interactions taught it.
        user_items: items of a user that were counted, at most.
        sampled_users: users of whose items only some were counted.
    """

    mapping: Mapping
    choice: Choice
    supervised: np.ndarray
    user_items: int
    sampled_users: int


def fit(
    parts: Sequence[SpaceVectors],
    train: UserItems,
    options: AlignOptions,
    weights: Sequence[float] | None = None,
) -> Alignment:
    """Learn the map from content to behavior.

    Args:
        parts: the spaces: (n, d) vectors and (n,) present.
        train: who has what, by row of the spaces; what is held out for a test must not be among it.
        options: what to choose from.
        weights: of the spaces; None to choose them.

    Raises:
        InputError: too few items are seen, no two are bought together, the content is the
            same for all, or a vector is not finite.
    """
    known = np.any([present & vectors.any(1) for vectors, present in parts], axis=0)
    _check(parts, train, known, max(FEWEST, min(options.ranks)))
    used, most, long = sampled(train.of_items(known), options.user_items, options.seed)
    choice = choose(parts, used, options, weights)
    joined = joined_content(parts, choice.weights)
    content_map = geometry_of(joined, Axes.of(joined, parts), choice.halved, options.width)
    content = content_map(parts)
    behavior = behavior_vectors(Ppmi.of(used), choice.rank, options.seed)
    seen = used.popularity().astype(np.float64)
    counted = counts(seen, choice.power)
    regression = Ridge.of(
        weighted_products(content, content, counted), weighted_products(content, behavior, counted)
    )
    moments = weighted_products(content, content, np.ones(len(content))) / len(content)
    mapped = regression.solve(choice.ridge, choice.rank)
    matrix = aligned_matrix(moments, mapped, choice.share)[:, : choice.width]
    return Alignment(Mapping(content_map, matrix), choice, seen > 0, most, long)


def _check(parts: Sequence[SpaceVectors], train: UserItems, known: np.ndarray, least: int) -> None:
    for vectors, present in parts:
        broken = int((~np.isfinite(vectors[present]).all(1)).sum())
        if broken:
            raise InputError(
                f"{broken} items have a vector that is not finite; expected numbers. 'featurizer inspect' counts "
                "them; make the feature set anew"
            )
    used = train.of_items(known)
    seen = int((used.popularity() > 0).sum())
    if seen < least:
        raise InputError(
            f"{seen} items have both a vector and train interactions, expected at least {least}: as many as the "
            "behavior has dimensions; give interactions of the same catalog, --item-map for a file that numbers its "
            "items, or fewer dimensions with --rank"
        )
    if not (used.counts > 1).any():
        raise InputError(
            "no user has two items with vectors among the train interactions, so nothing is bought together; "
            "expected users with several items each"
        )
