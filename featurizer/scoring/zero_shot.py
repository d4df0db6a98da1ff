"""Zero-shot: is what a user bought near, in the space, to what they bought before?

score(u, i) = cos(mean of u's L2-normalized train vectors, vector of i), over all items but u's train items. The
definition is ours: the authors of AlignRec name the protocol without publishing it.
"""

from __future__ import annotations

from collections.abc import Iterator

from featurizer.ranking.cosine import CosineRanks
from featurizer.ranking.ranks import Ranks, find_ranks
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import PerUser, groups_of, metrics_of
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace

NAME = "zero_shot"


def score(space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield Recall and NDCG of each split, and Recall by group, from one pass over the users."""
    for split, ranks in zip(evaluation.positives, zero_shot_ranks(space, evaluation, options), strict=True):
        key = MetricKey(NAME, split)
        yield from metrics_of(ranks, key, options.ks)
        yield from groups_of(ranks, key, evaluation.train, options.ks[-1])


def zero_shot_ranks(space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions) -> list[Ranks]:
    """Return where each split's positives stand."""
    k = options.ks[-1]
    finder = CosineRanks(
        space.vectors,
        evaluation.train,
        k,
        memory=options.memory,
        device=options.device,
        halves=options.halves,
    )
    splits = list(evaluation.positives.values())
    return find_ranks(finder, evaluation.train, splits, k, block=finder.block, report=options.report)
