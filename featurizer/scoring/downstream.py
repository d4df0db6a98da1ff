"""Downstream: how well does a recommender do that is trained on the space?

The same model, options, number of seeds and, where asked for, number of search trials for every space; a user's
figure is its mean over the seeds. Epochs and hyper-parameters are chosen on validation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from featurizer.encoders.device import computing_threads
from featurizer.ranking.metrics import METRICS
from featurizer.ranking.rank import dot_products, rank
from featurizer.records import Json
from featurizer.recsys.configuration import Configuration, configuration
from featurizer.recsys.data import ItemFeatures, RecData, assemble
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.train import TrainStage, train
from featurizer.recsys.tune import TuneStage, tuned_stage
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
    features = ItemFeatures(evaluation.item_ids, vectors, np.asarray(vectors.any(1)))
    # how much of the interactions the sets cover was judged before; what a mask hides is what is measured
    data = assemble(evaluation.interactions, features, min_coverage=0.0)
    inputs: dict[str, Json] = {"vectors": hashlib.sha256(vectors.tobytes()).hexdigest()}
    chosen = _configuration(data, options, inputs)
    found: dict[MetricKey, list[np.ndarray]] = {}
    for seed in range(options.seed, options.seed + options.downstream.seeds):
        seeded = chosen.changed(training={"seed": seed})
        stage = TrainStage(options.work / f"seed-{seed}", seeded, 1, inputs)
        train(stage, data, options.report)
        with computing_threads(options.threads):
            for measure in _measured(stage, evaluation, options, key):
                found.setdefault(measure.key, []).append(measure.values)
    for name, values in found.items():
        yield PerUser(name, np.mean(values, axis=0))


def _configuration(data: RecData, options: ScoreOptions, inputs: dict[str, Json]) -> Configuration:
    asked = options.downstream
    chosen = configuration(load_recommender(asked.model)).changed(
        training={"seed": options.seed, "device": options.device, "threads": options.threads}
    )
    if asked.epochs:
        chosen = chosen.changed(training={"epochs": asked.epochs})
    if not asked.trials:
        return chosen
    grid = chosen.recommender.grid
    search = TuneStage(options.work / "tune", chosen, grid, "random", asked.trials, inputs)
    return chosen.applied(tuned_stage(search, data, options.report)[0].values)


def _measured(
    stage: TrainStage, evaluation: EvaluationData, options: ScoreOptions, key: MetricKey
) -> Iterator[PerUser]:
    users, items = (
        torch.from_numpy(read_vectors(stage.out / f"{side}s.parquet", f"{side}_id")[1]).to(options.device)
        for side in ("user", "item")
    )
    block = max(1, options.memory // (len(items) * 4))
    for split, positives in evaluation.positives.items():
        shown = rank(dot_products(users, items), evaluation.train, positives, options.ks[-1], block=block)
        for k in options.ks:
            for name in METRIC_NAMES:
                values = METRICS[name](shown.hits, shown.positives, k)
                yield PerUser(replace(key, metric=f"{key.metric}_{name}", split=split, k=k), values)
