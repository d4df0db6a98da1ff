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
from featurizer.recsys.data import ItemFeatures, RecData, assemble
from featurizer.recsys.options import ModelOptions, TrainOptions
from featurizer.recsys.presets import preset
from featurizer.recsys.train import TrainStage, train
from featurizer.recsys.tune import GRIDS, TuneStage, applied, tuned_stage
from featurizer.recsys.vectors import read_vectors
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import METRIC_NAMES, MetricKey, PerUser
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace


def score(space: ScoredSpace, world: EvaluationData, options: ScoreOptions) -> Iterator[PerUser]:
    """Yield Recall and NDCG of each split, the mean over the seeds.

    Raises:
        InputError: the interactions lack a split, or no item has a vector.
    """
    yield from downstream(space, world, options, MetricKey("downstream"))


def downstream(
    space: ScoredSpace, world: EvaluationData, options: ScoreOptions, key: MetricKey
) -> Iterator[PerUser]:
    """Train under each seed and yield every split's metrics; `key.metric` is the prefix of their names."""
    vectors = space.vectors
    data = assemble(world.interactions, ItemFeatures(world.item_ids, vectors, np.asarray(vectors.any(1))))
    inputs: dict[str, Json] = {"vectors": hashlib.sha256(vectors.tobytes()).hexdigest()}
    model, training = _options(data, options, inputs)
    found: dict[MetricKey, list[np.ndarray]] = {}
    for seed in range(options.seed, options.seed + options.downstream.seeds):
        stage = TrainStage(options.work / f"seed-{seed}", model, replace(training, seed=seed), 1, inputs)
        train(stage, data, options.report)
        with computing_threads(options.threads):
            for measure in _measured(stage, world, options, key):
                found.setdefault(measure.key, []).append(measure.values)
    for name, values in found.items():
        yield PerUser(name, np.mean(values, axis=0))


def _options(
    data: RecData, options: ScoreOptions, inputs: dict[str, Json]
) -> tuple[ModelOptions, TrainOptions]:
    asked = options.downstream
    model, training = preset(asked.model)
    training = replace(
        training,
        seed=options.seed,
        device=options.device,
        threads=options.threads,
        epochs=asked.epochs or training.epochs,
    )
    if not asked.trials:
        return model, training
    grid = GRIDS[asked.model]
    search = TuneStage(options.work / "tune", model, training, grid, "random", asked.trials, inputs)
    return applied(tuned_stage(search, data, options.report)[0].values, model, training)


def _measured(
    stage: TrainStage, world: EvaluationData, options: ScoreOptions, key: MetricKey
) -> Iterator[PerUser]:
    users, items = (
        torch.from_numpy(read_vectors(stage.out / f"{side}s.parquet", f"{side}_id")[1]).to(options.device)
        for side in ("user", "item")
    )
    block = max(1, options.memory // (len(items) * 4))
    for split, positives in world.positives.items():
        shown = rank(dot_products(users, items), world.train, positives, options.ks[-1], block=block)
        for k in options.ks:
            for name in METRIC_NAMES:
                values = METRICS[name](shown.hits, shown.positives, k)
                yield PerUser(replace(key, metric=f"{key.metric}_{name}", split=split, k=k), values)
