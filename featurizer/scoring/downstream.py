"""Downstream: how well does a recommender do that is trained on the space?

The same model, options, number of seeds and, where asked for, number of search trials for every space; a user's
figure is its mean over the seeds. Epochs and hyper-parameters are chosen on validation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from featurizer.encoders.device import computing_threads
from featurizer.ranking.metrics import METRICS, RANGE
from featurizer.ranking.rank import dot_products, rank, vectors_from
from featurizer.records import Json
from featurizer.recsys.configuration import Configuration, configuration
from featurizer.recsys.data import RecData, assemble
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.train import train
from featurizer.recsys.tune import tune
from featurizer.recsys.vectors import read_vectors
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import METRIC_NAMES, PerUser
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace


def score(space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield Recall and NDCG of each split, the mean over the seeds.

    Raises:
        InputError: the interactions lack a split, or no item has a vector.
    """
    yield from downstream(space, evaluation, options, MetricKey("downstream"))


def downstream(
    space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions, key: MetricKey
) -> Iterator[PerUser]:
    """Train under each seed and yield every split's metrics; `key.metric` is the prefix of their names."""
    vectors = space.vectors
    # how much of the interactions the sets cover was judged before; what a mask hides is what is measured
    data = assemble(evaluation.interactions, evaluation.item_ids, vectors, min_coverage=0.0)
    inputs: dict[str, Json] = {"vectors": hashlib.sha256(vectors.tobytes()).hexdigest()}
    chosen = _configuration(data, options, inputs)
    found: dict[MetricKey, list[np.ndarray]] = {}
    for seed in range(options.seed, options.seed + options.downstream.seeds):
        seeded = chosen.changed(training={"seed": seed})
        folder = options.work / f"seed-{seed}"
        train(folder, seeded, data, inputs=inputs, report=options.report)
        with computing_threads(options.threads):
            for measure in _measured(folder, evaluation, options, key):
                found.setdefault(measure.key, []).append(measure.values)
    for name, values in found.items():
        yield PerUser(name, np.mean(values, axis=0), bounds=RANGE)


def _configuration(data: RecData, options: ScoreOptions, inputs: dict[str, Json]) -> Configuration:
    asked = options.downstream
    chosen = configuration(load_recommender(asked.model)).changed(
        training={"seed": options.seed, "device": options.device, "threads": options.threads}
    )
    if asked.epochs:
        chosen = chosen.changed(training={"epochs": asked.epochs})
    if not asked.trials:
        return chosen
    trials = tune(
        options.work / "tune",
        chosen,
        data,
        grid=chosen.recommender.grid,
        trials=asked.trials,
        inputs=inputs,
        report=options.report,
    )
    return chosen.applied(trials[0].values)


def _measured(
    folder: Path, evaluation: EvaluationData, options: ScoreOptions, key: MetricKey
) -> Iterator[PerUser]:
    users, items = (
        vectors_from(read_vectors(folder / f"{side}s.parquet", f"{side}_id")[1], options.device)
        for side in ("user", "item")
    )
    block = max(1, options.memory // (items.shape[0] * 4))
    for split, positives in evaluation.positives.items():
        shown = rank(dot_products(users, items), evaluation.train, positives, options.ks[-1], block=block)
        for k in options.ks:
            for name in METRIC_NAMES:
                values = METRICS[name](shown.hits, shown.positives, k)
                named = replace(key, metric=f"{key.metric}_{name}", split=split, k=k)
                yield PerUser(named, values, bounds=RANGE)
