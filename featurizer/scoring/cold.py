"""Cold items: is what nobody has bought yet shown to those who will?

A fifth of the items, drawn by the seed, loses every interaction, of every split. score(u, i) = cos(mean of u's
L2-normalized train vectors, vector of i). The profile is made of warm train items, the positives are the cold items
that u has in any split; candidates are the cold items among themselves, and all items but u's warm train items. A space
that interactions taught is learned again without those of the cold items; where that cannot be done and one of them
taught it, the space is refused.

Two controls say what a ranking finds that has nothing to find: the same done to noise of the content's shape, and to
the content shuffled against the items. Both should lie where a random order does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from featurizer.errors import InputError
from featurizer.features.join import SpaceVectors
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.among import block_among, ranks_among
from featurizer.ranking.cosine import CosineRanks
from featurizer.ranking.ranks import find_ranks
from featurizer.scoring.baselines import random_order
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import PerUser, metrics_of
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace, SpacePart, fused
from featurizer.scoring.taught import Change

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
    known = replace(space, parts=tuple(_relearned(part, data, options) for part in space.parts))
    yield from _ranked(known, data, options)


def controls(
    space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions, draw: int = 0
) -> Iterator[tuple[str, list[PerUser]]]:
    """Yield each control's name, and the Recall of the cold items that a space of no use gets.

    Args:
        space: its content is replaced; what interactions taught is learned again from that.
        evaluation: who has what.
        options: the seed decides what is cold, and with `draw` what is drawn.
        draw: another number gives other noise and another order.
    """
    data = ColdData.of(evaluation, options.seed)

    def noise(parts: Sequence[SpaceVectors]) -> list[SpaceVectors]:
        generator = np.random.default_rng([options.seed, 10, draw])
        return [
            (np.where(present[:, None], generator.standard_normal(vectors.shape, np.float32), 0), present)
            for vectors, present in parts
        ]

    def shuffled(parts: Sequence[SpaceVectors]) -> list[SpaceVectors]:
        order = np.random.default_rng([options.seed, 11, draw]).permutation(len(evaluation.item_ids))
        return [(vectors[order], present[order]) for vectors, present in parts]

    for name, change in (("noise", noise), ("shuffled", shuffled)):
        changed = replace(space, parts=_changed(space.parts, data, change))
        recalls = [one for one in _ranked(changed, data, options) if one.key.metric.endswith("_recall")]
        yield (
            name,
            [replace(one, key=replace(one.key, metric=f"floor_{name}_{one.key.metric}")) for one in recalls],
        )


def _ranked(known: ScoredSpace, data: ColdData, options: ScoreOptions) -> Iterator[PerUser]:
    if known.fusion is not None:
        known = fused(known, data.warm, options.seed)
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
    """Yield what a random order gives on average, of the cold items alone and of all candidates, exactly."""
    data = ColdData.of(evaluation, options.seed)
    among = np.full(data.warm.n_users, int(data.cold.sum()))
    everywhere = len(evaluation.item_ids) - data.warm.counts
    for name, candidates in ((NAME, among), (f"{NAME}_in_all", everywhere)):
        key = MetricKey(f"floor_random_{name}")
        yield from random_order(data.warm, data.wanted, candidates, key, options.ks)


def _relearned(part: SpacePart, data: ColdData, options: ScoreOptions) -> SpacePart:
    taught = part.taught
    if taught is None or not (taught.items & data.cold).any():
        return part
    if taught.learn is None or not options.refit:
        why = (
            "how is not known here, so it cannot be learned again without them; expected a space of content alone, or "
            "one that 'featurizer align' made, beside the spaces it was made of. Name other spaces with --space"
            if taught.learn is None
            else "--no-refit keeps it as it is; expected a space of content alone. Leave --no-refit out, and it is "
            "learned again without them"
        )
        number = int((taught.items & data.cold).sum())
        raise InputError(f"the interactions of {number} cold items taught the space {part.name}, and {why}")
    vectors, present = taught.learn(data.warm, list)
    return replace(part, vectors=vectors, present=present)


def _changed(parts: Sequence[SpacePart], data: ColdData, change: Change) -> tuple[SpacePart, ...]:
    """Have other content in the place of a space's own."""
    plain = iter(change([(part.vectors, part.present) for part in parts if not _learns(part)]))
    found = [
        part.taught.learn(data.warm, change) if part.taught and part.taught.learn else next(plain)
        for part in parts
    ]
    return tuple(
        replace(part, vectors=vectors, present=present)
        for part, (vectors, present) in zip(parts, found, strict=True)
    )


def _learns(part: SpacePart) -> bool:
    return part.taught is not None and part.taught.learn is not None
