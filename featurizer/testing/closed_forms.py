"""What the trainer relies on in a recommender that one computation gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from featurizer.ranking.rank import Vectors
from featurizer.recsys.configuration import configuration
from featurizer.recsys.data import RecData
from featurizer.recsys.fit import Fitted, fit
from featurizer.recsys.recommender import ClosedForm
from featurizer.testing.declarations import DeclaredRecommender, refusal
from featurizer.testing.recommenders import sample_data, without_features


class ClosedFormContract(DeclaredRecommender):
    """What the trainer relies on in a closed form; every check is one test.

    Subclass it in a test module, name the class `Test…`, and write `make_recommender`. The model is solved on users of
    three groups who buy items of their group, whose features are near.
    """

    def test_it_says_that_it_is_a_closed_form(self) -> None:
        """`train` refuses epochs and seeds for it by `closed_form`."""
        assert self.make_recommender().closed_form, "set closed_form=True in its RecommenderSpec"
        assert isinstance(self._configuration().build(sample_data()), ClosedForm)

    def test_it_finds_held_out_items(self) -> None:
        """Most of a user's held-out items are among the ten best, in one epoch."""
        fitted = self._solved(sample_data())
        assert (fitted.best_epoch, len(fitted.epochs)) == (1, 1)
        # 10 items of 30 share the user's group and 4 of them are masked, so chance finds a third of them
        assert fitted.valid["recall@10"] > 0.8, f"Recall@10 is {fitted.valid['recall@10']:.2f}"

    def test_vectors_are_finite_float32_one_a_user_and_one_an_item(self) -> None:
        """Also where some items have no feature, some no train pair, and a user none."""
        data = without_features(_with_cold_ones(sample_data()), every=5)
        made = self._solved(data).embeddings
        assert made.users.shape == (data.n_users, made.items.shape[1])
        assert made.items.shape[0] == data.n_items
        for vectors in (made.users, made.items):
            assert vectors.dtype in (torch.float32, np.float32)
            assert np.isfinite(_dense(vectors)).all(), "some entries are NaN or infinite"

    def test_twice_and_under_another_seed_it_gives_the_same_bits(self) -> None:
        """Nothing is random."""
        data, chosen = sample_data(), self._configuration()
        first, again = (
            fit(seeded.build(data), data, seeded.training).embeddings
            for seeded in (chosen.changed(training={"seed": seed}) for seed in (3, 4))
        )
        np.testing.assert_array_equal(_dense(first.users), _dense(again.users))
        np.testing.assert_array_equal(_dense(first.items), _dense(again.items))

    def test_without_any_feature_it_is_refused_or_works_from_interactions(self) -> None:
        """`needs_features` says what the model does where no item has a feature."""
        empty = without_features(sample_data(), every=1)
        if self.make_recommender().needs_features:
            assert "no item has a feature" in refusal(lambda: self._configuration().build(empty))
        else:
            assert self._solved(empty).valid["recall@10"] > 0.8

    def test_the_data_is_left_as_it_was(self) -> None:
        """Arrays that the model was made of hold afterwards what they held."""
        data = sample_data()
        self._solved(data)
        np.testing.assert_array_equal(data.features, sample_data().features)
        np.testing.assert_array_equal(data.known, sample_data().known)
        np.testing.assert_array_equal(data.train.items, sample_data().train.items)

    def test_it_works_under_every_preset(self) -> None:
        """A preset is whole."""
        for name in self.make_recommender().presets:
            chosen, data = configuration(self.make_recommender(), name), sample_data()
            assert fit(chosen.build(data), data, chosen.training).valid["recall@10"] > 0.8

    def _solved(self, data: RecData) -> Fitted:
        chosen = self._configuration()
        return fit(chosen.build(data), data, chosen.training)


def _with_cold_ones(data: RecData) -> RecData:
    """Return the data without the train pairs of items 1 and 2, and of user 0."""
    train = data.train
    return replace(data, train=train.only((train.items != 1) & (train.items != 2) & (train.users != 0)))


def _dense(vectors: Vectors) -> np.ndarray:
    return np.asarray(vectors if isinstance(vectors, torch.Tensor) else vectors.toarray())
