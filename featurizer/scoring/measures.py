"""What a scorer hands back: a figure, or a value a user to take the mean and its interval of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.bootstrap import ANY, Bounds
from featurizer.ranking.groups import recall_by_group
from featurizer.ranking.metrics import METRICS, RANGE
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
        bounds: the least and the greatest that a value can be; the mean's interval stays inside.
    """

    key: MetricKey
    values: np.ndarray
    counted: np.ndarray | None = None
    bounds: Bounds = ANY


@dataclass(frozen=True, slots=True)
class Single:
    """One figure of a space; `items` is how many items or pairs it was computed from."""

    key: MetricKey
    value: float
    items: int


Measure: TypeAlias = PerUser | Single


def metrics_of(ranks: Ranks, key: MetricKey, ks: tuple[int, ...]) -> Iterator[PerUser]:
    """Yield Recall and NDCG at each K of `ks`; `key.metric` is the prefix of their names."""
    hits, positives = ranks.hits, ranks.positives
    for k in ks:
        for name in METRIC_NAMES:
            yield PerUser(_named(key, name, k), METRICS[name](hits, positives, k), bounds=RANGE)


def groups_of(ranks: Ranks, key: MetricKey, train: UserItems, k: int) -> Iterator[PerUser]:
    """Yield Recall@k of each of the trainer's groups (`ranking.groups`); those without users are left out."""
    for group in recall_by_group(ranks.rows, ranks.items, ranks.ranks < k, train, ranks.users):
        if group.counted.any():
            yield PerUser(_named(key, "recall", k, group.name), group.values, group.counted, RANGE)


def _named(key: MetricKey, metric: str, k: int, group: str | None = None) -> MetricKey:
    return replace(key, metric=f"{key.metric}_{metric}", k=k, group=group)
