"""Downstream scores are the trainer's own, a user at a time."""

from __future__ import annotations

import numpy as np
import pytest
from small_evaluation import grouped, part, space, world

from featurizer.results.files import read_json
from featurizer.scoring import downstream
from featurizer.scoring.downstream_options import DownstreamOptions
from featurizer.scoring.scorer import ScoreOptions


def test_figures_are_the_means_over_the_seeds_of_what_training_reports(tmp_path):
    quick = DownstreamOptions(model="bpr", epochs=2, seeds=2)
    options = ScoreOptions(ks=(10, 20), seed=3, downstream=quick, work=tmp_path)
    measures = list(downstream.score(space(part("a", "image", grouped(0))), world(), options))
    reported = [read_json(tmp_path / f"seed-{seed}/model/manifest.json") for seed in (3, 4)]
    assert reported[0]["test"] != reported[1]["test"]
    assert len(measures) == 8
    for measure in measures:
        name = f"{measure.key.metric.removeprefix('downstream_')}@{measure.key.k}"
        expected = np.mean([one[measure.key.split][name] for one in reported])
        assert measure.values.mean() == pytest.approx(expected)
