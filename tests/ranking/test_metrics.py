from __future__ import annotations

import ir_measures
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from featurizer.errors import UnknownName
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.metrics import means, per_user
from featurizer.ranking.rank import rank

NAMES = [f"{metric}@{k}" for metric in ("recall", "ndcg", "precision", "map", "map_all") for k in (1, 5, 20)]


def random_case(seed: int, n_users: int = 60, n_items: int = 80):
    generator = np.random.default_rng(seed)
    known = generator.random((n_users, n_items))
    train = UserItems.from_pairs(*np.nonzero(known < 0.1), n_users=n_users, n_items=n_items)
    wanted = (known > 0.1) & (known < 0.1 + generator.random((n_users, 1)) * 0.4)
    positives = UserItems.from_pairs(*np.nonzero(wanted), n_users=n_users, n_items=n_items)
    scores = torch.from_numpy(generator.permuted(np.tile(np.arange(n_items), (n_users, 1)), axis=1)).float()
    return scores, train, positives


@pytest.mark.parametrize("seed", range(3))
def test_every_metric_equals_ir_measures_for_every_user(seed):
    scores, train, positives = random_case(seed)
    ranking = rank(lambda users: scores[users].clone(), train, positives, 20, block=7)
    ours = per_user(ranking, NAMES)
    qrels = [
        ir_measures.Qrel(str(user), str(item), 1)
        for user in ranking.users
        for item in positives.items[positives.starts[user] : positives.starts[user + 1]]
    ]
    run = [
        ir_measures.ScoredDoc(str(user), str(item), float(-place))
        for user, row in zip(ranking.users, ranking.items, strict=True)
        for place, item in enumerate(row)
    ]
    theirs = {"recall": "R", "ndcg": "nDCG", "precision": "P", "map_all": "AP"}
    measures = {
        ir_measures.parse_measure(f"{other}@{k}"): f"{name}@{k}"
        for name, other in theirs.items()
        for k in (1, 5, 20)
    }
    where = {str(user): row for row, user in enumerate(ranking.users)}
    checked = 0
    for value in ir_measures.iter_calc(list(measures), qrels, run):
        assert abs(ours[measures[value.measure]][where[value.query_id]] - value.value) < 1e-9
        checked += 1
    assert checked == 12 * len(ranking.users)
    cut = np.minimum(ranking.positives, 5) / ranking.positives
    np.testing.assert_allclose(ours["map@5"] * cut, ours["map_all@5"], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 15))
def test_metrics_stay_between_zero_and_one_and_recall_grows_with_k(seed, n_items, k):
    scores, train, positives = random_case(seed, n_users=12, n_items=n_items)
    if not ((train.counts > 0) & (positives.counts > 0)).any():
        return
    ranking = rank(lambda users: scores[users].clone(), train, positives, k + 1)
    values = per_user(ranking, [f"{name}@{k}" for name in ("recall", "ndcg", "precision", "map")])
    assert all(((value >= 0) & (value <= 1)).all() for value in values.values())
    more = per_user(ranking, [f"recall@{k + 1}"])[f"recall@{k + 1}"]
    assert (more >= values[f"recall@{k}"]).all()


def test_a_perfect_ranking_scores_one():
    train = UserItems.from_pairs(np.array([0]), np.array([4]), n_users=1, n_items=5)
    positives = UserItems.from_pairs(np.array([0, 0]), np.array([1, 3]), n_users=1, n_items=5)
    scores = torch.tensor([[0.1, 0.9, 0.2, 0.8, 1.0]])
    ranking = rank(lambda users: scores[users].clone(), train, positives, 5)
    assert ranking.items.tolist() == [[1, 3, 2, 0, -1]]
    assert means(ranking, ["recall@2", "ndcg@2", "map@2", "precision@2"]) == {
        "recall@2": 1.0,
        "ndcg@2": pytest.approx(1.0),
        "map@2": 1.0,
        "precision@2": 1.0,
    }


@pytest.mark.parametrize("name", ["recal@20", "recall", "recall@0", "recall@x"])
def test_an_unknown_metric_names_the_known_ones(name):
    train = UserItems.from_pairs(np.array([0]), np.array([0]), n_users=1, n_items=2)
    positives = UserItems.from_pairs(np.array([0]), np.array([1]), n_users=1, n_items=2)
    ranking = rank(lambda users: torch.zeros(1, 2), train, positives, 1)
    with pytest.raises(UnknownName, match="metric"):
        per_user(ranking, [name])
