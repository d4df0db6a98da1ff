"""Who bought what among the items that every feature set has: the ground that all are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from featurizer.errors import InputError
from featurizer.interactions.indexed import IndexedInteractions, index_interactions
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.ranks import ranked_users
from featurizer.records import Json
from featurizer.recsys.options import MIN_COVERAGE


@dataclass(frozen=True, slots=True)
class EvaluationData:
    """Users and items under common indices.

    Attributes:
        user_ids: u ids, sorted.
        item_ids: n ids: the items that all feature sets share, in the order of the first.
        train: what each user's scores come from.
        bought: the pairs of every split together, for figures of the items.
        positives: of each split, what a user should be shown.
        ranked: of each split, the (u,) users that have train items and positives.
        interactions: the rows that are left, for training.
        counts: what was found, and what was left out, counted.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    train: UserItems
    bought: UserItems
    positives: Mapping[str, UserItems]
    ranked: Mapping[str, np.ndarray]
    interactions: pl.DataFrame
    counts: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What of the interactions is used.

    Attributes:
        splits: whose positives are ranked for.
        min_coverage: smallest share of train pairs whose item every feature set has.
        users: rank for so many users at most, drawn by `seed`; None for all.
        seed: of the draw.
    """

    splits: tuple[str, ...] = ("valid", "test")
    min_coverage: float = MIN_COVERAGE
    users: int | None = None
    seed: int = 0


def evaluation_data(
    interactions: pl.DataFrame, item_ids: Sequence[str], options: EvaluationOptions
) -> EvaluationData:
    """Index the interactions with the shared items; pairs of other items are left out and counted.

    Args:
        interactions: user_id, item_id, split.
        item_ids: the items that all feature sets share.
        options: what is used.

    Raises:
        InputError: too few train pairs are left, or a split has nobody to rank for.
    """
    indexed = index_interactions(interactions, item_ids)
    covered = _coverage(interactions, indexed, options.min_coverage)
    train = indexed.splits["train"]
    positives = {name: _drawn(indexed.splits[name], train, options) for name in options.splits}
    ranked = {name: _ranked(name, train, pairs) for name, pairs in positives.items()}
    popularity = train.popularity()
    counts: dict[str, Json] = {
        "users": len(indexed.user_ids),
        "items": len(item_ids),
        "train": len(train.items),
        "train_coverage": covered,
        "pairs_left_out": indexed.left_out,
        "repeats": indexed.repeats,
        "cold_items": int((popularity == 0).sum()),
        "users_without_train_items": int((train.counts == 0).sum()),
        **{f"{name}_users": len(users) for name, users in ranked.items()},
        **{f"{name}_pairs_in_train": indexed.splits[name].shared(train) for name in options.splits},
        **{f"{name}_pairs": len(pairs.items) for name, pairs in positives.items()},
        **{
            f"{name}_pairs_cold": int((popularity[pairs.items] == 0).sum())
            for name, pairs in positives.items()
        },
    }
    shared = interactions.filter(pl.col("item_id").is_in(indexed.item_ids))
    return EvaluationData(
        indexed.user_ids,
        indexed.item_ids,
        train,
        indexed.together(),
        positives,
        ranked,
        shared.select("user_id", "item_id", "split"),
        counts,
    )


def _coverage(interactions: pl.DataFrame, indexed: IndexedInteractions, least: float) -> float:
    asked, found = interactions.filter(pl.col("split") == "train").height, indexed.rows["train"]
    covered = found / max(asked, 1)
    if covered < least or not found:
        known = set(indexed.item_ids)
        lacking = [item for item in interactions["item_id"].unique().sort().to_list() if item not in known]
        raise InputError(
            f"{covered:.1%} of the train pairs are of items that every feature set has, expected at least "
            f"{least:.1%}. {len(lacking)} items of the interactions are missing, such as "
            f"{', '.join(lacking[:5])}. Give the feature sets of the same catalog, --item-map for a file that "
            "numbers its items, or a lower --min-coverage"
        )
    return covered


def _drawn(pairs: UserItems, train: UserItems, options: EvaluationOptions) -> UserItems:
    """Keep the pairs of at most `options.users` users; the same users in every split."""
    able = np.flatnonzero(train.counts > 0)
    if options.users is None or options.users >= len(able):
        return pairs
    chosen = np.zeros(train.n_users, bool)
    chosen[np.random.default_rng(options.seed).permutation(able)[: options.users]] = True
    return pairs.only(chosen[pairs.users])


def _ranked(split: str, train: UserItems, pairs: UserItems) -> np.ndarray:
    if not len(pairs.items):
        raise InputError(
            f"the interactions have no {split} rows of shared items; expected some to rank for. "
            "Split them, or name the split there is with --split"
        )
    return ranked_users(train, pairs)
