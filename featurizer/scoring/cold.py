"""Cold items: is what nobody has bought yet shown to those who will?

A fifth of the items, drawn by the seed, loses every interaction, of every split. score(u, i) = cos(mean of u's
L2-normalized train vectors, vector of i). The profile is made of warm train items, the positives are the cold items
that u has in any split; candidates are the cold items among themselves, and all items but u's warm train items. A space
that interactions taught is learned again without those of the cold items; where that cannot be done and one of them
taught it, the space is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from featurizer.errors import InputError
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.among import block_among, ranks_among
from featurizer.ranking.cosine import CosineRanks
from featurizer.ranking.ranks import find_ranks, ranked_users
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import PerUser, metrics_of
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace, SpacePart

NAME = "cold"
SHARE = 0.2
"""Of the items, so many are cold."""


@dataclass(frozen=True, slots=True)
class ColdData:
    """What is left to learn from, and what is ranked.

    Attributes:
        cold: (n,) bool.
        warm: train items of the users, none of them cold.
        wanted: cold items that users have, in any split.
    """

    cold: np.ndarray
    warm: UserItems
    wanted: UserItems

    @classmethod
    def of(cls, evaluation: EvaluationData, seed: int) -> ColdData:
        """Draw the cold items and take their interactions away."""
        n = len(evaluation.item_ids)
        cold = np.zeros(n, bool)
        cold[np.random.default_rng([seed, 9]).permutation(n)[: int(SHARE * n)]] = True
        return cls(cold, evaluation.train.of_items(~cold), evaluation.bought.of_items(cold))


def score(space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield Recall and NDCG of cold items, among themselves (`cold_…`) and among all items (`cold_in_all_…`).

    Raises:
        InputError: cold items taught the space and it cannot be learned again, or nobody has cold and warm items.
    """
    data = ColdData.of(evaluation, options.seed)
    known = replace(space, parts=tuple(_relearned(part, data) for part in space.parts))
    among = ranks_among(known.vectors, data.warm, data.cold)
    everywhere = CosineRanks(
        known.vectors,
        data.warm,
        options.ks[-1],
        memory=options.memory,
        device=options.device,
        halves=options.halves,
    )
    for name, find, block in (
        (NAME, among, block_among(data.cold)),
        (f"{NAME}_in_all", everywhere, everywhere.block),
    ):
        (ranks,) = find_ranks(
            find, data.warm, [data.wanted], options.ks[-1], block=block, report=options.report
        )
        yield from metrics_of(ranks, MetricKey(name), options.ks)


def random_cold_baseline(evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield what a random order of the cold items gives on average: Recall@K is min(K, c)/c, exactly."""
    data = ColdData.of(evaluation, options.seed)
    users = ranked_users(data.warm, data.wanted)
    candidates = int(data.cold.sum())
    for k in options.ks:
        yield PerUser(
            MetricKey(f"floor_random_{NAME}_recall", k=k),
            np.full(len(users), min(k, candidates) / candidates),
        )


def _relearned(part: SpacePart, data: ColdData) -> SpacePart:
    taught = part.taught
    if taught is None or not (taught.items & data.cold).any():
        return part
    if taught.learn is None:
        raise InputError(
            f"the interactions of {int((taught.items & data.cold).sum())} cold items taught the space {part.name}, and "
            "how is not known here, so it cannot be learned again without them; expected a space of content alone, or "
            "one that 'featurizer align' made, beside the spaces it was made of. Name other spaces with --space"
        )
    vectors, present = taught.learn(data.warm)
    return replace(part, vectors=vectors, present=present)
