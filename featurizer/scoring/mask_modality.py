"""Mask-modality: what is left when items lose their picture, or their text?

One order of the items a modality, drawn by the seed; the first int(ratio · n) lose it, so the masks of growing
ratios nest. A plain part loses its vector, a part that reads both takes what was encoded without the modality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from featurizer.ranking.metrics import RANGE
from featurizer.scoring.downstream import downstream
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.item_cf import item_cf_ranks, neighbors_of
from featurizer.scoring.masks import MASK, MODALITIES, mask
from featurizer.scoring.measures import PerUser, metrics_of
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace
from featurizer.scoring.zero_shot import zero_shot_ranks


def score(space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield Recall and NDCG at every ratio and the area under each curve; item-CF with the fewest neighbors.

    Raises:
        InputError: a part reads both modalities, and there is nothing that was encoded without one of them.
    """
    fewest = replace(options, neighbors=options.neighbors[:1])
    for modality in MODALITIES:
        if not any(part.modality not in MODALITIES or part.modality == modality for part in space.parts):
            continue
        curve = [list(_at(space, evaluation, fewest, modality, ratio)) for ratio in options.ratios]
        for measures in curve:
            yield from measures
        if len(options.ratios) > 1:
            yield from areas(curve, options.ratios)


def _at(
    space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions, modality: str, ratio: float
) -> Iterator[PerUser]:
    masked = space.without(modality, mask(modality, len(evaluation.item_ids), ratio, options.seed))
    key = MetricKey(f"{MASK}_zero_shot", modality=modality, ratio=ratio)
    for split, ranks in zip(evaluation.positives, zero_shot_ranks(masked, evaluation, options), strict=True):
        yield from metrics_of(ranks, replace(key, split=split), options.ks)
    near = neighbors_of(masked, options)
    key = replace(key, metric=f"{MASK}_item_cf", neighbors=near.items.shape[1])
    for split, ranks in zip(
        evaluation.positives, item_cf_ranks(near, masked, evaluation, options), strict=True
    ):
        yield from metrics_of(ranks, replace(key, split=split), options.ks)
    if options.downstream.masked and masked.vectors.any():
        work = options.work / f"{modality}-{ratio:g}"
        key = MetricKey(f"{MASK}_downstream", modality=modality, ratio=ratio)
        yield from downstream(masked, evaluation, replace(options, work=work), key)


def areas(curve: Sequence[Sequence[PerUser]], ratios: tuple[float, ...]) -> Iterator[PerUser]:
    """Yield each metric's mean over the ratios from first to last: the area under its curve, by trapezoids.

    A user's area is that of their own curve, so it has an interval and can be compared. A metric that is not there
    at every ratio has no area.
    """
    spans = np.diff(ratios)
    weights = (np.append(spans, 0) + np.insert(spans, 0, 0)) / 2 / spans.sum()
    found: dict[MetricKey, list[np.ndarray]] = {}
    for measures in curve:
        for measure in measures:
            key = replace(measure.key, metric=f"{measure.key.metric}_area", ratio=None)
            found.setdefault(key, []).append(measure.values)
    for key, values in found.items():
        if len(values) == len(ratios):
            yield PerUser(key, np.tensordot(weights, np.stack(values), 1), bounds=RANGE)
