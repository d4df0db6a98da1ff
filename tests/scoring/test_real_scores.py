"""Real purchases: the leaderboard has to say what co-purchases say. Minutes long with all users, so a sample."""

from __future__ import annotations

import numpy as np
import pytest

from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.interactions.store import read_split
from featurizer.scoring import diagnostics, item_cf
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import open_candidates, read_space
from featurizer.scoring.summary import Entry, compare, judge

pytestmark = pytest.mark.slow
OPTIONS = ScoreOptions(ks=(20,), neighbors=(10,))


@pytest.fixture(scope="module")
def baby(shared_data, tmp_path_factory):
    """The neighbor graphs of Amazon Baby as spectral embeddings, an honest stand-in for features."""
    folder = shared_data / "amazon-baby"
    vectors = np.load(folder / "spectral_768.npy").astype(np.float32)
    noise = np.random.default_rng(0).standard_normal((len(vectors), 384)).astype(np.float32)
    spaces = [
        ArraySpace("graph_text", "text", vectors[:, :384]),
        ArraySpace("graph_image", "image", vectors[:, 384:]),
        ArraySpace("noise", "both", noise),
    ]
    out = tmp_path_factory.mktemp("baby") / "features"
    write_arrays(out, [str(row) for row in range(len(vectors))], spaces)
    (candidate,), shared = open_candidates([out])
    world = evaluation_data(read_split(folder / "baby.inter.gz"), shared, EvaluationOptions(splits=("test",)))
    return {
        name: read_space(candidate, name, "none", {}) for name in ("graph_text", "graph_image", "noise")
    }, world


def test_text_ranks_above_image_above_noise_on_item_cf(baby):
    spaces, world = baby
    results = [
        judge(Entry("baby", name, "auto"), item_cf.score(space, world, OPTIONS), 20, 0)
        for name, space in spaces.items()
    ]
    order = [("graph_text", "graph_image"), ("graph_text", "noise"), ("graph_image", "noise")]
    recalls = [row for row in compare(results, 0) if row.metric == "item_cf_recall"]
    assert [(row.a.space, row.b.space) for row in recalls] == order
    assert all(row.p_holm < 1e-6 and row.ci_low > 0 for row in recalls)


def test_neighbors_in_text_are_bought_together_twice_as_often_as_in_pictures(baby):
    spaces, world = baby
    rate = {
        name: {
            measure.key.metric: measure.value for measure in diagnostics.score(spaces[name], world, OPTIONS)
        }
        for name in spaces
    }
    text, image, noise = (
        rate[name]["diagnostic_co_purchase"] for name in ("graph_text", "graph_image", "noise")
    )
    assert rate["noise"]["diagnostic_co_purchase_random"] == pytest.approx(0.03, abs=0.005)
    assert noise == pytest.approx(0.03, abs=0.005)
    assert text == pytest.approx(0.15, abs=0.02)
    assert image == pytest.approx(0.075, abs=0.015)
    assert text > 1.7 * image > 3 * noise
