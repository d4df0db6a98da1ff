"""What the trainer relies on in a recommender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import torch

from featurizer.recsys.configuration import Configuration
from featurizer.recsys.data import RecData, assemble
from featurizer.recsys.fit import Fitted, fit
from featurizer.recsys.recommender import ClosedForm, Recommender
from featurizer.recsys.sampler import Sampler, Triples
from featurizer.testing.declarations import DeclaredRecommender, refusal

USERS, ITEMS, GROUPS = 40, 30, 3


class RecommenderContract(DeclaredRecommender):
    """What the trainer relies on in a model that learns; every check is one test.

    Subclass it in a test module, name the class `Test…`, and write `make_recommender`. The model is built and
    trained, in seconds, on users of three groups who buy items of their group, whose features are near.
    """

    def training(self) -> Mapping[str, object]:
        """Return how it is trained on them; replace it when it learns only otherwise."""
        return {"epochs": 60, "batch_size": 64, "learning_rate": 0.03, "patience": 60, "evaluate_every": 1}

    def test_it_overfits_a_toy_graph(self) -> None:
        """The loss falls, and most of a user's held-out items are among the ten best."""
        epochs = self._learned(sample_data()).epochs
        # 10 items of 30 share the user's group and 4 of them are masked, so chance finds a third of them
        best = max(float(str(record["valid_recall@10"])) for record in epochs)
        assert best > 0.8, f"Recall@10 is {best:.2f} at its best"

    def test_training_raises_the_dot_product_of_what_was_bought(self) -> None:
        """What the loss scores is what ranks: the dot product of the vectors that `embeddings` returns."""
        data = sample_data()
        made, triples = self._learned(data).embeddings, whole_epoch(data)
        scores = made.users @ made.items.T
        bought, other = scores[triples.users, triples.positives], scores[triples.users, triples.negatives]
        share = float((bought > other).float().mean())
        assert share > 0.7, f"only {share:.0%} of the bought items score above another, chance has 50%"

    def test_vectors_are_finite_float32_and_not_the_weights_themselves(self) -> None:
        """`embeddings` returns (u, d) and (n, d) of its own; training on changes them not."""
        data = sample_data()
        model = self._built(data)
        made = model.embeddings()
        assert made.users.shape == (data.n_users, made.items.shape[1])
        assert made.items.shape[0] == data.n_items
        for vectors in (made.users, made.items):
            assert vectors.dtype == torch.float32
            assert not vectors.requires_grad
            assert torch.isfinite(vectors).all(), "some entries are NaN or infinite"
        before = made.users.clone(), made.items.clone()
        with torch.no_grad():
            for parameter in model.weights.parameters():
                parameter.add_(1.0)
        assert torch.equal(made.users, before[0]), "users share memory with the weights"
        assert torch.equal(made.items, before[1]), "items share memory with the weights"

    def test_the_gradient_reaches_every_parameter(self) -> None:
        """Nothing is learned that no part of the loss depends on, where some items have a feature and some none."""
        data = without_features(sample_data(), every=5)
        model = self._built(data)
        model.begin_epoch(np.random.default_rng(0))
        losses = model.losses(whole_epoch(data))
        torch.stack(list(losses.values())).sum().backward()
        for name, parameter in model.weights.named_parameters():
            assert parameter.grad is not None, f"no gradient reaches {name}"
            assert parameter.grad.any(), f"the gradient of {name} is 0"

    def test_the_same_seed_gives_the_same_bits_and_another_does_not(self) -> None:
        """Nothing is random but by the seed, and by the generator that `begin_epoch` is given."""
        data, chosen = sample_data(), self._configuration().changed(training={"epochs": 3})
        first, again, other = (
            fit(seeded.build(data), data, seeded.training).embeddings
            for seeded in (chosen.changed(training={"seed": seed}) for seed in (3, 3, 4))
        )
        assert torch.equal(first.users, again.users)
        assert torch.equal(first.items, again.items)
        assert not torch.equal(first.items, other.items), "the seed changes nothing"

    def test_its_weights_are_all_that_it_learned(self) -> None:
        """Another model that gets the `state_dict` scores the same: a saved model and a checkpoint are whole."""
        data, chosen = sample_data(), self._configuration().changed(training={"epochs": 2})
        trained = self._built(data, chosen)
        fit(trained, data, chosen.training)
        other = self._built(data, chosen.changed(training={"seed": 9}))
        other.weights.load_state_dict(trained.weights.state_dict())
        for model in (trained, other):
            model.weights.eval()
        assert torch.equal(other.embeddings().users, trained.embeddings().users)
        assert torch.equal(other.embeddings().items, trained.embeddings().items)

    def test_items_without_a_feature_have_finite_vectors_and_losses(self) -> None:
        """A zero row of the features is no reason for NaN."""
        data = without_features(sample_data(), every=5)
        model = self._built(data)
        model.begin_epoch(np.random.default_rng(0))
        losses = model.losses(whole_epoch(data))
        assert all(torch.isfinite(part) for part in losses.values()), f"a loss is not finite: {losses}"
        made = model.embeddings()
        assert torch.isfinite(made.users).all()
        assert torch.isfinite(made.items).all()

    def test_without_any_feature_it_is_refused_or_learns_from_ids(self) -> None:
        """`needs_features` says what the model does where no item has a feature."""
        empty = without_features(sample_data(), every=1)
        if self.make_recommender().needs_features:
            assert "no item has a feature" in refusal(lambda: self._configuration().build(empty))
        else:
            self._learned(empty)

    def test_the_data_is_left_as_it_was(self) -> None:
        """Arrays that the model was built on hold afterwards what they held."""
        data, chosen = sample_data(), self._configuration().changed(training={"epochs": 2})
        fit(chosen.build(data), data, chosen.training)
        np.testing.assert_array_equal(data.features, sample_data().features)
        np.testing.assert_array_equal(data.known, sample_data().known)
        np.testing.assert_array_equal(data.train.items, sample_data().train.items)

    def _built(self, data: RecData, chosen: Configuration | None = None) -> Recommender:
        model = (chosen or self._configuration()).build(data)
        assert not isinstance(model, ClosedForm), "it is a closed form; inherit ClosedFormContract"
        return model

    def _learned(self, data: RecData) -> Fitted:
        """Train on the data, and see that the loss falls."""
        chosen = self._configuration()
        fitted = fit(chosen.build(data), data, chosen.training)
        first, last = (float(str(fitted.epochs[place]["loss"])) for place in (0, -1))
        assert last < 0.6 * first, f"the loss went from {first:.3g} to {last:.3g}"
        return fitted


def whole_epoch(data: RecData) -> Triples:
    """Return an epoch's triples in one batch."""
    return next(Sampler.of(data.train).epoch(len(data.train.items), np.random.default_rng(0)))


def without_features(data: RecData, *, every: int) -> RecData:
    """Return the data with no feature of one item in `every`."""
    known = np.arange(data.n_items) % every > 0
    return replace(data, known=known, features=np.where(known[:, None], data.features, 0))


def sample_interactions(seed: int = 0) -> pl.DataFrame:
    """Return users of three groups who buy items of their group: four train, one valid, one test."""
    generator, rows = np.random.default_rng(seed), []
    for user in range(USERS):
        own = [item for item in range(ITEMS) if item % GROUPS == user % GROUPS]
        chosen = generator.choice(own, size=6, replace=False)
        splits = ["train"] * 4 + ["valid", "test"]
        rows += [(f"u{user:03d}", f"i{item:03d}", split) for item, split in zip(chosen, splits, strict=True)]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row")


def sample_features(seed: int = 0, dim: int = 8) -> tuple[list[str], np.ndarray]:
    """Return item ids, and (n, dim) features in which items of a group are near."""
    generator = np.random.default_rng([seed, 1])
    centers = generator.standard_normal((GROUPS, dim))
    vectors = centers[np.arange(ITEMS) % GROUPS] + 0.3 * generator.standard_normal((ITEMS, dim))
    ids = [f"i{item:03d}" for item in range(ITEMS)]
    return ids, vectors.astype(np.float32)


def sample_data(seed: int = 0) -> RecData:
    """Return both, joined."""
    return assemble(sample_interactions(seed), *sample_features(seed))
