"""What nobody should be below: random order, and the same popular items for everyone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.metrics import METRICS, RANGE
from featurizer.ranking.ranks import find_ranks
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import METRIC_NAMES, PerUser, groups_of, metrics_of
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions

BLOCK = 8192


def random_baseline(evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield what a random order of a user's candidates gives on average: no draw, so no noise."""
    for split, positives in evaluation.positives.items():
        candidates = len(evaluation.item_ids) - evaluation.train.counts
        yield from random_order(
            evaluation.train, positives, candidates, MetricKey("floor_random", split), options.ks
        )


def random_order(
    train: UserItems, positives: UserItems, candidates: np.ndarray, key: MetricKey, ks: tuple[int, ...]
) -> Iterator[PerUser]:
    """Yield Recall and NDCG of a random order, by user: their mean over all orders, exactly.

    What ranks the spaces says here too which positives can be shown at all: those that are no train items. Of c
    candidates every one has every rank equally often, so each of the first c ranks holds a hit with probability
    (positives that can be shown)/c, and both metrics are linear in the hits.

    Args:
        train: what the users' scores come from.
        positives: what they should be shown.
        candidates: (u,) how many items each user is shown some of, train items not among them.
        key: `key.metric` is the prefix of the metrics' names.
        ks: lengths of the lists.
    """
    (first,) = find_ranks(_first, train, [positives], 1, block=BLOCK)
    shown = np.bincount(first.rows[first.ranks == 0], minlength=len(first.users))
    c = candidates[first.users]
    each = np.divide(shown, c, out=np.zeros(len(shown)), where=c > 0)
    hits = np.where(np.arange(ks[-1]) < c[:, None], each[:, None], 0.0)
    for k in ks:
        for name in METRIC_NAMES:
            values = METRICS[name](hits, first.positives, k)
            yield PerUser(replace(key, metric=f"{key.metric}_{name}", k=k), values, bounds=RANGE)


def _first(_users: np.ndarray, rows: np.ndarray, _items: np.ndarray) -> np.ndarray:
    """Rank every positive first: what is not found then can never be."""
    return np.zeros(len(rows), np.int64)


def popularity_baseline(evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield what the most bought train items give, the user's own left out."""
    finder = _Popular(evaluation.train)
    k = options.ks[-1]
    splits = list(evaluation.positives.values())
    for split, ranks in zip(
        evaluation.positives, find_ranks(finder, evaluation.train, splits, k, block=BLOCK), strict=True
    ):
        key = MetricKey("floor_popularity", split)
        yield from metrics_of(ranks, key, options.ks)
        yield from groups_of(ranks, key, evaluation.train, k)


class _Popular:
    """Ranks in one order for all, less the user's train items that stand before."""

    def __init__(self, train: UserItems) -> None:
        self.train = train
        order = np.argsort(-train.popularity(), kind="stable")
        self.rank = np.empty(train.n_items, np.int64)
        self.rank[order] = np.arange(train.n_items)

    def __call__(self, users: np.ndarray, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        pair, seen = self.train.pairs_of(users[rows])
        ahead = self.rank[seen] < self.rank[items[pair]]
        return self.rank[items] - np.bincount(pair, ahead, minlength=len(rows)).astype(np.int64)
