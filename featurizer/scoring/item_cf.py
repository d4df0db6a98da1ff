"""Item-CF: do an item's nearest in the space serve as its neighbors in collaborative filtering?

score(u, i) = Σ over u's train items j of sim(j, i)·[i is among the k nearest of j, i ≠ j], sim the cosine, k of 10,
20 and 50. The definition is ours. With all items as neighbors it ranks exactly as zero-shot does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from featurizer.ranking.item_knn import item_knn_ranks, similarity_matrix
from featurizer.ranking.nearest import nearest
from featurizer.ranking.neighbors import Neighbors
from featurizer.ranking.ranks import Ranks, find_ranks
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import PerUser, groups_of, metrics_of
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace

NAME = "item_cf"
ENTRY_BYTES = 64
"""What a score costs while a block of users is ranked."""


def score(space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield Recall and NDCG of each split and number of neighbors, and Recall by group."""
    near = neighbors_of(space, options)
    for k in options.neighbors:
        for split, ranks in zip(
            evaluation.positives, item_cf_ranks(near.first(k), space, evaluation, options), strict=True
        ):
            key = MetricKey(NAME, split, neighbors=k)
            yield from metrics_of(ranks, key, options.ks)
            yield from groups_of(ranks, key, evaluation.train, options.ks[-1])


def neighbors_of(space: ScoredSpace, options: ScoreOptions) -> Neighbors:
    """Return each item's nearest in the space, as many as the largest number asked for."""
    return nearest(
        space.vectors,
        options.neighbors[-1],
        memory=options.memory,
        device=options.device,
        halves=options.halves,
        report=options.report,
    )


def item_cf_ranks(
    near: Neighbors, space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions
) -> list[Ranks]:
    """Return where each split's positives stand by the item-kNN scores of these neighbors."""
    known = np.asarray(space.vectors.any(1))
    finder = item_knn_ranks(similarity_matrix(near.items, near.cosines), known, evaluation.train)
    scores = max(1, len(evaluation.train.items) // max(len(evaluation.user_ids), 1)) * near.items.shape[1]
    block = max(1, options.memory // (ENTRY_BYTES * scores))

    return find_ranks(
        finder,
        evaluation.train,
        list(evaluation.positives.values()),
        options.ks[-1],
        block=min(block, 4096),
        report=lambda progress: options.report(
            replace(progress, stage=f"item-CF, {near.items.shape[1]} neighbors")
        ),
    )
