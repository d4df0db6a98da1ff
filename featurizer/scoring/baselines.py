"""What nobody should be below: random order, and the same popular items for everyone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.ranks import find_ranks
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import PerUser, groups_of, metrics_of
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions

BLOCK = 8192


def random_baseline(evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield what a random order of the candidates gives on average, by user: no draw, so no noise.

    A user's c candidates are the items outside their train items; Recall@K is min(K, c)/c, and a rank holds a
    hit with probability |positives|/c.
    """
    for split, positives in evaluation.positives.items():
        users = evaluation.ranked[split]
        candidates = len(evaluation.item_ids) - evaluation.train.counts[users]
        wanted = positives.counts[users]
        for k in options.ks:
            shown = np.minimum(k, candidates)
            gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
            ndcg = gains[shown] * wanted / candidates / gains[np.minimum(wanted, k)]
            yield PerUser(MetricKey("floor_random_recall", split, k), shown / candidates)
            yield PerUser(MetricKey("floor_random_ndcg", split, k), ndcg)


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
