"""The shipped recommenders, and one of another package, keep the contract that is shipped for everybody's."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from featurizer.recsys.models.alignrec import ALIGNREC
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.spec import Preset
from featurizer.testing import RecommenderContract
from tests.support.linear_recommender import LINEAR, Linear, LinearOptions


class TestAlignRec(RecommenderContract):
    def make_recommender(self):
        return load_recommender("alignrec")


class TestAlignRecExact(RecommenderContract):
    def make_recommender(self):
        return dataclasses.replace(ALIGNREC, presets=ALIGNREC.presets | {"default": ALIGNREC.preset("exact")})


class TestLightGcn(RecommenderContract):
    def make_recommender(self):
        return load_recommender("lightgcn")


class TestBpr(RecommenderContract):
    def make_recommender(self):
        return load_recommender("bpr")

    def options(self):
        return {"dim": 8, "l2": 1e-4}


class TestVbpr(RecommenderContract):
    def make_recommender(self):
        return load_recommender("vbpr")

    def options(self):
        return {"dim": 8, "l2": 1e-4}


class TestFreedom(RecommenderContract):
    def make_recommender(self):
        return load_recommender("freedom")


class TestLinear(RecommenderContract):
    def make_recommender(self):
        return LINEAR


class Aliased(Linear):
    def embeddings(self):
        made = super().embeddings()
        return dataclasses.replace(made, users=self.users.weight.detach())


class Unseeded(Linear):
    def begin_epoch(self, generator):
        with torch.no_grad():
            self.users.weight.add_(torch.rand(1))


class Untaught(Linear):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.unused = torch.nn.Parameter(torch.zeros(3))


class Contrary(Linear):
    def embeddings(self):
        made = super().embeddings()
        return dataclasses.replace(made, items=-made.items)


class Forgetful(Linear):
    def losses(self, triples):
        self.shift = getattr(self, "shift", 0) + 1
        return super().losses(triples)

    def embeddings(self):
        made = super().embeddings()
        return dataclasses.replace(made, users=made.users + getattr(self, "shift", 0))


class Greedy(Linear):
    def __init__(self, data, *arguments, **named):
        super().__init__(data, *arguments, **named)
        data.features[:] = 1


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (Aliased, "test_vectors_are_finite_float32_and_not_the_weights_themselves"),
        (Unseeded, "test_the_same_seed_gives_the_same_bits_and_another_does_not"),
        (Untaught, "test_the_gradient_reaches_every_parameter"),
        (Contrary, "test_it_overfits_a_toy_graph"),
        (Contrary, "test_training_raises_the_dot_product_of_what_was_bought"),
        (Forgetful, "test_its_weights_are_all_that_it_learned"),
        (Greedy, "test_the_data_is_left_as_it_was"),
    ],
)
def test_the_contract_finds_a_recommender_that_breaks_it(model, check):
    class Breaking(RecommenderContract):
        def make_recommender(self):
            return dataclasses.replace(LINEAR, builder=model)

    with pytest.raises(AssertionError):
        getattr(Breaking(), check)()


class Undocumented(LinearOptions):
    rate: float


class Thawed(LinearOptions, frozen=False):
    pass


PRESETS = "test_presets_are_of_its_options_and_the_grid_names_options"


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"options": Undocumented}, "test_every_option_has_a_default_and_says_what_it_is"),
        ({"options": Thawed}, "test_options_are_checked_frozen_and_json"),
        ({"grid": {"no_such_option": (1,)}}, PRESETS),
        ({"presets": {"fast": Preset(LinearOptions(), None)}}, PRESETS),
        ({"needs_features": False}, "test_without_any_feature_it_is_refused_or_learns_from_ids"),
    ],
)
def test_the_contract_finds_a_declaration_that_breaks_it(changes, check):
    class Breaking(RecommenderContract):
        def make_recommender(self):
            return dataclasses.replace(LINEAR, **changes)

    with pytest.raises(AssertionError):
        getattr(Breaking(), check)()
