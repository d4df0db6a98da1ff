"""What a model trains on: interactions by index, and the features of the items that have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from featurizer.errors import InputError
from featurizer.interactions.indexed import IndexedInteractions, index_interactions
from featurizer.interactions.user_items import UserItems
from featurizer.recsys.options import MIN_COVERAGE

NAMED = 5
"""How many ids an error lists."""


@dataclass(frozen=True, slots=True)
class RecData:
    """Users, items, splits and features under common indices.

    The items are those of the feature set, in its order, then those that only the interactions know.

    Attributes:
        user_ids: u ids, sorted.
        item_ids: n ids.
        train: who trained on what; `valid` and `test` likewise.
        features: (n, f) float32, zero rows where `known` is False.
        known: (n,) bool, whether the item has a feature: a vector that is there and not all zero.
        absent_items: items of the interactions that the feature set does not hold.
        covered: share of the train pairs whose item has a feature.
        repeats: rows that say again what another row of their split says; a pair counts once.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    train: UserItems
    valid: UserItems
    test: UserItems
    features: np.ndarray
    known: np.ndarray
    absent_items: tuple[str, ...]
    covered: float
    repeats: int

    @property
    def n_users(self) -> int:
        """How many users."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """How many items."""
        return len(self.item_ids)


def assemble(
    interactions: pl.DataFrame,
    item_ids: Sequence[str],
    vectors: np.ndarray,
    *,
    min_coverage: float = MIN_COVERAGE,
) -> RecData:
    """Join interactions with features.

    Args:
        interactions: user_id, item_id, split (`train`, `valid`, `test`).
        item_ids: n ids, as a feature set gives them.
        vectors: (n, f) float32, zero rows where an item has none.
        min_coverage: smallest share of train pairs whose items must have a feature.

    Raises:
        InputError: an item repeats, a vector is not finite, a split is empty, or too few train pairs have features.
    """
    _check(item_ids, vectors)
    bought = interactions["item_id"].unique().sort().to_list()
    listed = set(item_ids)
    absent = tuple(item for item in bought if item not in listed)
    every = (*item_ids, *absent)
    indexed = index_interactions(interactions, every)
    _refuse_empty(indexed)
    features = np.zeros((len(every), vectors.shape[1]), np.float32)
    features[: len(item_ids)] = vectors
    known = np.asarray(features.any(1))
    covered = float(known[indexed.splits["train"].items].mean())
    if covered < min_coverage:
        raise InputError(
            f"{covered:.1%} of the train pairs are of items that have a feature, expected at least "
            f"{min_coverage:.1%}. "
            f"{len(absent)} items of the interactions are not in the feature set{_such_as(absent)}. "
            "Give the feature set of the same catalog, --item-map for a file that numbers its items, "
            "or a lower --min-coverage"
        )
    return RecData(
        indexed.user_ids,
        every,
        **indexed.splits,
        features=features,
        known=known,
        absent_items=absent,
        covered=covered,
        repeats=indexed.repeats,
    )


def _check(item_ids: Sequence[str], vectors: np.ndarray) -> None:
    if len(set(item_ids)) < len(item_ids):
        repeated = [item for item, times in Counter(item_ids).items() if times > 1]
        raise InputError(
            f"{len(repeated)} items stand in the feature set twice{_such_as(repeated)}; expected each once"
        )
    finite = np.isfinite(vectors).all(1)
    if not finite.all():
        broken = [item_ids[row] for row in np.flatnonzero(~finite).tolist()]
        raise InputError(
            f"{len(broken)} items have a feature that is not finite{_such_as(broken)}; expected numbers. "
            "'featurizer inspect' counts them; make the feature set anew"
        )


def _refuse_empty(indexed: IndexedInteractions) -> None:
    for name, pairs in indexed.splits.items():
        if not len(pairs.items):
            raise InputError(
                f"the interactions have no {name} rows; expected all of train, valid and test: "
                "a model trains on the first, is chosen by the second and reported by the third"
            )


def _such_as(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return f" ({shown}{', …' if len(names) > NAMED else ''})" if names else ""
