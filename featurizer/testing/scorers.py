"""What the leaderboard relies on in a scorer."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import polars as pl

from featurizer.scoring.evaluation_data import EvaluationData, EvaluationOptions, evaluation_data
from featurizer.scoring.measures import Measure, PerUser, Single
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions, Scorer
from featurizer.scoring.spaces import ScoredSpace, SpacePart

ITEMS, USERS, GROUPS = 48, 30, 3


class ScorerContract:
    """What the leaderboard relies on; every check is one test.

    Subclass it in a test module, name the class `Test…`, and write `make_scorer`. The scorer is called on a space
    of an image and a text part, with a few items that lack one or both, and users who buy within groups.
    """

    def make_scorer(self) -> Scorer:
        """Return the scorer under test."""
        raise NotImplementedError("write make_scorer in your subclass of ScorerContract")

    def options(self) -> ScoreOptions:
        """Return the options it is called with; replace it when the scorer needs others."""
        return ScoreOptions(ks=(5, 10), neighbors=(3, 5), ratios=(0.0, 1.0))

    def test_figures_are_finite_and_of_every_ranked_user(self) -> None:
        """It yields something; values are float, finite, and one a user of `evaluation.ranked[split]`."""
        evaluation = sample_evaluation_data()
        measures = self._measures(evaluation)
        assert measures, "the scorer yields nothing"
        for measure in measures:
            assert isinstance(measure, (PerUser, Single)), f"a {type(measure).__name__} is no measure"
            if isinstance(measure, Single):
                assert np.isfinite(measure.value), f"{measure.key} is {measure.value}"
                continue
            split = str(measure.key.split)
            assert split in evaluation.ranked, f"{measure.key}: unknown split"
            users = evaluation.ranked[split]
            assert measure.values.shape == (len(users),), f"{measure.key}: {measure.values.shape}"
            assert np.isfinite(measure.values).all(), f"{measure.key} is not finite for some users"

    def test_no_two_figures_share_a_key_and_keys_are_json(self) -> None:
        """Every figure is told apart by its key."""
        keys = [measure.key for measure in self._measures(sample_evaluation_data())]
        assert all(isinstance(key, MetricKey) for key in keys)
        repeated = {key for key in keys if keys.count(key) > 1}
        assert not repeated, f"these stand twice: {repeated}"
        json.dumps([asdict(key) for key in keys], allow_nan=False)

    def test_the_same_arguments_give_the_same_figures(self) -> None:
        """Nothing is random but by the seed of the options."""
        once, again = (_plain(self._measures(sample_evaluation_data())) for _ in range(2))
        assert once == again, "two calls differ"

    def test_the_scorer_changes_neither_vectors_nor_interactions(self) -> None:
        """Arrays that it was given hold afterwards what they held."""
        evaluation, space = sample_evaluation_data(), sample_space()
        list(self.make_scorer()(space, evaluation, self.options()))
        for part, other in zip(space.parts, sample_space().parts, strict=True):
            np.testing.assert_array_equal(part.vectors, other.vectors)
            np.testing.assert_array_equal(part.present, other.present)
        np.testing.assert_array_equal(evaluation.train.items, sample_evaluation_data().train.items)

    def _measures(self, evaluation: EvaluationData) -> list[Measure]:
        return list(self.make_scorer()(sample_space(), evaluation, self.options()))


def sample_evaluation_data() -> EvaluationData:
    """Return users of three groups who buy items of their group: four train, one valid, one test."""
    generator, rows = np.random.default_rng(0), []
    for user in range(USERS):
        own = np.arange(user % GROUPS, ITEMS, GROUPS)
        splits = ["train"] * 4 + ["valid", "test"]
        bought = generator.choice(own, len(splits), replace=False)
        rows += [(f"u{user:02d}", f"i{item:02d}", split) for item, split in zip(bought, splits, strict=True)]
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row")
    return evaluation_data(frame, [f"i{item:02d}" for item in range(ITEMS)], EvaluationOptions())


def sample_space() -> ScoredSpace:
    """Return an image and a text part in which items of a group are near; item 0 has neither, 1 and 2 lack one."""
    generator = np.random.default_rng(1)
    parts = []
    for modality, lacking in (("image", (0, 1)), ("text", (0, 2))):
        centers = generator.standard_normal((GROUPS, 6))
        vectors = centers[np.arange(ITEMS) % GROUPS] + 0.5 * generator.standard_normal((ITEMS, 6))
        present = ~np.isin(np.arange(ITEMS), lacking)
        kept = np.where(present[:, None], vectors, 0).astype(np.float32)
        parts.append(SpacePart(f"sample_{modality}", modality, kept, present, np.zeros(ITEMS, bool)))
    return ScoredSpace("sample", "sample_image+sample_text", "auto", tuple(parts))


def _plain(measures: list[Measure]) -> list[tuple[MetricKey, list[float]]]:
    return [
        (measure.key, [measure.value] if isinstance(measure, Single) else measure.values.tolist())
        for measure in measures
    ]
