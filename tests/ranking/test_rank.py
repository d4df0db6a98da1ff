from __future__ import annotations

import numpy as np
import pytest
import torch

from featurizer.errors import InputError
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.rank import dot_products, rank, top_items


def test_equal_scores_are_ranked_by_item_index():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 4, (50, 30), generator=generator).float()
    scores[torch.rand(50, 30, generator=generator) < 0.2] = -torch.inf
    for k in (1, 3, 30, 40):
        ours = top_items(scores.clone(), k)
        for row, shown in zip(scores.tolist(), ours.tolist(), strict=True):
            expected = sorted((-value, item) for item, value in enumerate(row) if value > -np.inf)
            wanted = [item for _, item in expected][:k]
            assert shown == wanted + [-1] * (min(k, 30) - len(wanted))


def test_only_train_items_are_masked_and_blocks_change_nothing():
    generator = np.random.default_rng(1)
    known = generator.integers(0, 4, (40, 25))
    train, valid, test = (
        UserItems.from_pairs(*np.nonzero(known == value), n_users=40, n_items=25) for value in (1, 2, 3)
    )
    users, items = torch.randn(40, 8), torch.randn(25, 8)
    whole = rank(dot_products(users, items), train, test, 25)
    parts = rank(dot_products(users, items), train, test, 25, block=3)
    assert (whole.items == parts.items).all()
    for user, shown in zip(whole.users, whole.items, strict=True):
        shown = set(shown[shown >= 0].tolist())
        assert shown == set(range(25)) - set(
            train.items[train.starts[user] : train.starts[user + 1]].tolist()
        )
        assert shown >= set(valid.items[valid.starts[user] : valid.starts[user + 1]].tolist())


def test_users_without_train_items_are_not_ranked():
    train = UserItems.from_pairs(np.array([0, 2]), np.array([0, 1]), n_users=4, n_items=3)
    positives = UserItems.from_pairs(np.array([0, 1]), np.array([2, 2]), n_users=4, n_items=3)
    assert rank(lambda users: torch.zeros(len(users), 3), train, positives, 2).users.tolist() == [0]


def test_an_empty_split_says_what_it_found():
    train = UserItems.from_pairs(np.array([0]), np.array([0]), n_users=2, n_items=3)
    empty = UserItems.from_pairs(np.zeros(0, int), np.zeros(0, int), n_users=2, n_items=3)
    with pytest.raises(InputError, match="1 users have train items, 0 have positives"):
        rank(lambda users: torch.zeros(len(users), 3), train, empty, 2)


def test_a_nan_score_is_an_error():
    with pytest.raises(InputError, match="NaN"):
        top_items(torch.tensor([[0.0, float("nan")]]), 1)


def test_user_items_drop_repeats_and_answer_contains():
    pairs = UserItems.from_pairs(np.array([1, 0, 1, 1]), np.array([2, 3, 2, 0]), n_users=3, n_items=4)
    assert pairs.counts.tolist() == [1, 2, 0]
    assert pairs.users.tolist() == [0, 1, 1]
    assert pairs.items.tolist() == [3, 0, 2]
    assert pairs.popularity().tolist() == [1, 0, 1, 1]
    asked = np.array([[0, 1, 2, 3, -1]] * 3)
    found = pairs.contains(np.arange(3)[:, None], asked)
    assert found.tolist() == [
        [False, False, False, True, False],
        [True, False, True, False, False],
        [False] * 5,
    ]


@pytest.mark.parametrize(("users", "items"), [([0, 1], [0]), ([3], [0]), ([0], [4]), ([-1], [0])])
def test_pairs_out_of_range_are_an_error(users, items):
    with pytest.raises(InputError):
        UserItems.from_pairs(np.array(users), np.array(items), n_users=3, n_items=4)
