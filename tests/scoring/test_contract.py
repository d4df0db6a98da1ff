"""The built-in scorers keep the contract that is shipped for everybody's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from featurizer.errors import UnknownName
from featurizer.scoring.downstream_options import DownstreamOptions
from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import load_scorer
from featurizer.testing import ScorerContract

FINITE = "test_figures_are_finite_and_of_every_ranked_user"
DISTINCT = "test_no_two_figures_share_a_key_and_keys_are_json"


class TestZeroShot(ScorerContract):
    def make_scorer(self):
        return load_scorer("zero-shot")


class TestItemCf(ScorerContract):
    def make_scorer(self):
        return load_scorer("item-cf")


class TestMaskModality(ScorerContract):
    def make_scorer(self):
        return load_scorer("mask-modality")


class TestDiagnostics(ScorerContract):
    def make_scorer(self):
        return load_scorer("diagnostics")


class TestDownstream(ScorerContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make_scorer(self):
        return load_scorer("downstream")

    def options(self):
        quick = DownstreamOptions(model="bpr", epochs=1, seeds=1)
        return replace(super().options(), downstream=quick, work=self.folder)


@pytest.mark.parametrize(
    ("scorer", "check"),
    [
        (lambda space, world, options: [], FINITE),
        (
            lambda space, world, options: [Single(MetricKey("x"), np.nan, 1)],
            FINITE,
        ),
        (
            lambda space, world, options: [Single(MetricKey("x"), 1.0, 1)] * 2,
            DISTINCT,
        ),
        (
            lambda space, world, options: [Single(MetricKey("x"), np.random.default_rng().random(), 1)],
            "test_the_same_arguments_give_the_same_figures",
        ),
        (
            lambda space, world, options: space.parts[0].vectors.fill(0) or [],
            "test_the_scorer_changes_neither_vectors_nor_interactions",
        ),
    ],
)
def test_the_contract_finds_a_scorer_that_breaks_it(scorer, check):
    class Broken(ScorerContract):
        def make_scorer(self):
            return scorer

    with pytest.raises(AssertionError):
        getattr(Broken(), check)()


def test_an_unknown_scorer_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean item-cf"):
        load_scorer("item-fc")
