"""The baselines against what they stand for, written out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_evaluation import ITEMS, world

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.metrics import METRICS, ndcg, recall
from featurizer.ranking.ranks import find_ranks
from featurizer.scoring.baselines import popularity_baseline, random_baseline, random_order
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.metric_key import MetricKey
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


PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 7)), min_size=1, max_size=30)


@settings(max_examples=40)
@given(PAIRS, PAIRS)
def test_the_random_floor_equals_drawn_orders_ranked_by_the_code_that_ranks(train, wanted):
    some, ks, draws = [(0, 0), (0, 1)], (1, 3, 10), 300
    train, wanted = (
        UserItems.from_pairs(*np.transpose(pairs), n_users=4, n_items=8)
        for pairs in (train + some[:1], wanted + some)
    )
    floors = {
        (one.key.metric, one.key.k): one.values
        for one in random_order(train, wanted, 8 - train.counts, MetricKey("floor"), ks)
    }
    generator = np.random.default_rng(0)

    def drawn(users, rows, items):
        """Rank by a new order, train items left out."""
        order = np.argsort(generator.random((4, 8)))
        place = np.argsort(order)
        seen = train.contains(np.arange(4)[:, None], order)
        ahead = np.cumsum(~seen, axis=1) - 1
        return ahead[users[rows], place[users[rows], items]]

    found = [find_ranks(drawn, train, [wanted], 10, block=10)[0] for _ in range(draws)]
    for (name, k), values in floors.items():
        own = [METRICS[name.removeprefix("floor_")](ranks.hits, ranks.positives, k) for ranks in found]
        error = 5 * np.std(own, axis=0) / np.sqrt(draws) + 1e-9
        assert (np.abs(np.mean(own, axis=0) - values) <= np.maximum(error, 0.02)).all()


def test_a_user_who_trained_on_every_item_finds_nothing_and_the_floor_stays_a_number():
    rows = [("all", f"i{item}", "train") for item in range(6)]
    rows += [("one", "i0", "train"), ("one", "i1", "test"), ("all", "i2", "test")]
    pairs = pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row")
    data = evaluation_data(pairs, [f"i{item}" for item in range(6)], EvaluationOptions(splits=("test",)))
    assert data.counts["test_pairs_in_train"] == 1
    found = of_test(random_baseline(data, OPTIONS))
    assert found["floor_random_recall"] == pytest.approx([0, 1])
    assert found["floor_random_ndcg"] == pytest.approx([0, np.mean(1 / np.log2(np.arange(2, 7)))])
    assert of_test(popularity_baseline(data, OPTIONS))["floor_popularity_recall"].tolist() == [0, 1]
