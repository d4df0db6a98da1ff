"""What a scorer hands back: a figure, or a value a user to take the mean and its interval of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.groups import DECILES, SHORT_HISTORY, popularity_deciles
from featurizer.ranking.metrics import METRICS
from featurizer.ranking.ranks import Ranks
from featurizer.scoring.metric_key import MetricKey

METRIC_NAMES = ("recall", "ndcg")


@dataclass(frozen=True, slots=True)
class PerUser:
    """A metric of every ranked user of a split.

    Attributes:
        key: which metric.
        values: (u,) float64, in the order of `EvaluationData.ranked[split]`.
        counted: (u,) bool, whom the mean is over; None for all.
    """

    key: MetricKey
    values: np.ndarray
    counted: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Single:
    """One figure of a space; `items` is how many items or pairs it was computed from."""

    key: MetricKey
    value: float
    items: int


Measure: TypeAlias = PerUser | Single


def metrics_of(places: Ranks, key: MetricKey, ks: tuple[int, ...]) -> Iterator[PerUser]:
    """Yield Recall and NDCG at each K of `ks`; `key.metric` is the prefix of their names."""
    hits, positives = places.hits, places.positives
    for k in ks:
        for name in METRIC_NAMES:
            yield PerUser(_named(key, name, k), METRICS[name](hits, positives, k))


def groups_of(places: Ranks, key: MetricKey, train: UserItems, k: int) -> Iterator[PerUser]:
    """Yield Recall@k by item popularity, for cold items and for users of short histories.

    The groups are the trainer's: `items_decile_1` (least popular) to `items_decile_10`, `cold_items` (no train
    pair), `users_under_4_items`. Of items, a user's recall is hits in the group / positives in the group, over
    the users with positives there. Groups without users are left out.
    """
    popularity = train.popularity()
    deciles = popularity_deciles(popularity)
    groups = {f"items_decile_{decile}": deciles == decile for decile in range(1, DECILES + 1)}
    groups["cold_items"] = popularity == 0
    u, hit = len(places.users), places.places < k
    for name, inside in groups.items():
        wanted = inside[places.items]
        there = np.bincount(places.rows, wanted, minlength=u)
        hits = np.bincount(places.rows, wanted & hit, minlength=u)
        if there.any():
            values = np.divide(hits, there, out=np.zeros(u), where=there > 0)
            yield PerUser(_named(key, "recall", k, name), values, there > 0)
    short = train.counts[places.users] < SHORT_HISTORY
    if short.any():
        values = np.bincount(places.rows, hit, minlength=u) / places.positives
        yield PerUser(_named(key, "recall", k, f"users_under_{SHORT_HISTORY}_items"), values, short)


def _named(key: MetricKey, metric: str, k: int, group: str | None = None) -> MetricKey:
    return replace(key, metric=f"{key.metric}_{metric}", k=k, group=group)
