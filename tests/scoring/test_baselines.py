"""The baselines against what they stand for, written out."""

from __future__ import annotations

import numpy as np
import pytest
from small_evaluation import ITEMS, world

from featurizer.ranking.metrics import ndcg, recall
from featurizer.scoring.baselines import popularity_baseline, random_baseline
from featurizer.scoring.scorer import ScoreOptions

OPTIONS = ScoreOptions(ks=(5,))


def of_test(measures):
    chosen = [one for one in measures if one.key.split == "test" and one.key.group is None]
    return {one.key.metric: one.values for one in chosen}


def listed(bought):
    """Yield each ranked user's candidates, in the order of the items, and test items."""
    for user in bought.ranked["test"]:
        seen, wanted = (
            pairs.items[pairs.starts[user] : pairs.starts[user + 1]]
            for pairs in (bought.train, bought.positives["test"])
        )
        yield np.setdiff1d(np.arange(ITEMS), seen), wanted


def metrics(shown, wanted):
    hits, positives = np.isin(shown, wanted), np.full(len(shown), len(wanted))
    return recall(hits, positives, 5).mean(), ndcg(hits, positives, 5).mean()


def test_the_random_baseline_is_the_mean_over_orders_in_which_every_item_has_every_rank():
    bought = world()
    found = of_test(random_baseline(bought, OPTIONS))
    rotations = [
        metrics(np.stack([np.roll(candidates, shift) for shift in range(len(candidates))]), wanted)
        for candidates, wanted in listed(bought)
    ]
    for name, expected in zip(("recall", "ndcg"), np.transpose(rotations), strict=True):
        assert found[f"floor_random_{name}"] == pytest.approx(expected)


def test_the_popularity_baseline_shows_the_most_bought_items_but_the_users_own():
    bought = world()
    found = of_test(popularity_baseline(bought, OPTIONS))
    popularity = bought.train.popularity()
    expected = [
        metrics(candidates[np.argsort(-popularity[candidates], kind="stable")][None], wanted)
        for candidates, wanted in listed(bought)
    ]
    assert np.sum(expected) > 0
    for name, values in zip(("recall", "ndcg"), np.transpose(expected), strict=True):
        assert found[f"floor_popularity_{name}"] == pytest.approx(values)
