from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from featurizer.errors import InputError
from featurizer.interactions.user_items import UserItems
from featurizer.recsys.sampler import Sampler


def random_train(seed: int = 0, users: int = 30, items: int = 20) -> UserItems:
    pairs = np.random.default_rng(seed).random((users, items - 2)) < 0.4
    return UserItems.from_pairs(*np.nonzero(pairs), n_users=users, n_items=items)


def test_a_negative_is_never_a_train_pair_and_always_a_seen_item():
    train = random_train()
    sampler = Sampler.of(train)
    for epoch in range(50):
        negatives = sampler.negatives(np.random.default_rng(epoch))
        assert not train.contains(sampler.users, negatives).any()
        assert (train.popularity()[negatives] > 0).all()


def test_negatives_are_uniform_over_what_the_user_has_not():
    train = random_train()
    sampler = Sampler.of(train)
    user = int(np.argmax(train.counts))
    rows = np.flatnonzero(sampler.users == user)
    drawn = np.concatenate([sampler.negatives(np.random.default_rng([7, e]))[rows] for e in range(2000)])
    own = train.items[train.starts[user] : train.starts[user + 1]]
    allowed = np.setdiff1d(sampler.seen, own)
    counts = np.bincount(drawn, minlength=train.n_items)
    assert counts.sum() == counts[allowed].sum()
    assert stats.chisquare(counts[allowed]).pvalue > 0.001


def test_an_epoch_holds_every_pair_once_in_another_order():
    train = random_train()
    sampler = Sampler.of(train)
    batches = list(sampler.epoch(50, np.random.default_rng(0)))
    assert len(batches) == sampler.batches(50)
    assert [len(batch.users) for batch in batches[:-1]] == [50] * (len(batches) - 1)
    users, items = (
        torch.cat([getattr(batch, name) for batch in batches]).numpy() for name in ("users", "positives")
    )
    assert sorted(zip(users, items, strict=True)) == list(zip(train.users, train.items, strict=True))
    assert (users != train.users).any()


def test_the_same_seed_gives_the_same_triples():
    sampler = Sampler.of(random_train())
    first, again, other = (
        [batch.negatives.tolist() for batch in sampler.epoch(64, np.random.default_rng(seed))]
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_user_who_bought_everything_is_left_out_and_counted():
    train = UserItems.from_pairs(np.array([0, 0, 1]), np.array([0, 1, 0]), n_users=2, n_items=3)
    sampler = Sampler.of(train)
    assert sampler.saturated_users == 1
    assert sampler.users.tolist() == [1]
    assert sampler.negatives(np.random.default_rng(0)).tolist() == [1]


def test_when_nobody_has_a_negative_it_says_so():
    with pytest.raises(InputError, match="none with a negative"):
        Sampler.of(UserItems.from_pairs(np.array([0]), np.array([0]), n_users=1, n_items=3))
