"""Ranks against a brute force in float64 that sorts whole lists."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from featurizer.errors import InputError
from featurizer.interactions.user_items import UserItems
from featurizer.ranking import cosine, nearest
from featurizer.ranking.cosine import CosineRanks, count_above, unit_rows
from featurizer.ranking.item_knn import item_knn_ranks, similarity_matrix
from featurizer.ranking.metrics import means, ndcg, recall
from featurizer.ranking.rank import rank
from featurizer.ranking.ranks import Ranks, find_ranks

MEMORY = 1 << 14


@st.composite
def worlds(draw):
    """Items on a coarse grid, so that many scores are equal; some without a vector; each user a few items."""
    users, items, dim = draw(st.integers(1, 6)), draw(st.integers(3, 14)), draw(st.integers(1, 4))
    grid = st.integers(-2, 2).map(float)
    vectors = draw(arrays.arrays(np.float32, (items, dim), elements=grid))
    label = draw(arrays.arrays(np.int64, (users, items), elements=st.integers(0, 4)))
    label[0, 0], label[0, 1], label[0, 2] = 1, 2, 3
    splits = [
        UserItems.from_pairs(*np.nonzero(label == value), n_users=users, n_items=items) for value in (1, 2, 3)
    ]
    return vectors, splits


def brute_force(scores, known, train, positives, k):
    """{(user, item): place}, by sorting every candidate."""
    found = {}
    for user in range(train.n_users):
        seen = set(train.items[train.starts[user] : train.starts[user + 1]].tolist())
        order = sorted(
            (item for item in range(train.n_items) if item not in seen),
            key=lambda item: (not known[item], -round(scores[user][item], 9) + 0.0, item),
        )
        if not seen:
            continue
        for item in positives.items[positives.starts[user] : positives.starts[user + 1]].tolist():
            found[user, item] = min(order.index(item), k) if item in order else k
    return found


def as_dict(ranks: Ranks):
    keys = zip(ranks.users[ranks.rows].tolist(), ranks.items.tolist(), strict=True)
    return dict(zip(keys, ranks.ranks.tolist(), strict=True))


def zero_shot_scores(vectors, train):
    units = unit_rows(vectors)
    means_ = np.zeros((train.n_users, vectors.shape[1]))
    for user in range(train.n_users):
        means_[user] = units[train.items[train.starts[user] : train.starts[user + 1]]].sum(0)
    return unit_rows(means_) @ units.T


def all_neighbors(vectors, k):
    units = unit_rows(vectors)
    known = units.any(1)
    items, cosines = np.full((len(units), k), -1), np.zeros((len(units), k))
    for j in np.flatnonzero(known):
        others = [i for i in np.flatnonzero(known) if i != j]
        best = sorted(others, key=lambda i: (-round(units[i] @ units[j], 9) + 0.0, i))[:k]
        items[j, : len(best)], cosines[j, : len(best)] = best, units[best] @ units[j]
    return items, cosines


@settings(max_examples=120, deadline=None)
@given(worlds(), st.integers(1, 20), st.integers(1, 4))
def test_ranks_by_cosine_equal_a_float64_brute_force(world, k, block):
    vectors, (train, valid, test) = world
    finder = CosineRanks(vectors, train, k, memory=MEMORY, halves=False)
    found = find_ranks(finder, train, [valid, test], k, block=block)
    scores = zero_shot_scores(vectors, train)
    for ranks, positives in zip(found, (valid, test), strict=True):
        assert as_dict(ranks) == brute_force(scores, vectors.any(1), train, positives, k)


@settings(max_examples=120, deadline=None)
@given(worlds(), st.integers(1, 20), st.integers(1, 15))
def test_ranks_by_item_knn_equal_a_float64_brute_force(world, k, neighbors):
    vectors, (train, valid, test) = world
    known = vectors.any(1)
    near = nearest.nearest(vectors, neighbors, memory=MEMORY)
    items, cosines = all_neighbors(vectors, neighbors)
    np.testing.assert_array_equal(near.items, items)
    np.testing.assert_allclose(near.cosines, cosines, atol=1e-9)
    scores = np.zeros((train.n_users, train.n_items))
    for user in range(train.n_users):
        for j in train.items[train.starts[user] : train.starts[user + 1]]:
            for i, similar in zip(items[j], cosines[j], strict=True):
                scores[user, i] += similar if i >= 0 else 0
    finder = item_knn_ranks(similarity_matrix(near.items, near.cosines), known, train)
    for ranks, positives in zip(
        find_ranks(finder, train, [valid, test], k, block=3), (valid, test), strict=True
    ):
        assert as_dict(ranks) == brute_force(scores, known, train, positives, k)


def random_world(seed, users=60, items=400, dim=16):
    generator = np.random.default_rng(seed)
    label = generator.choice(4, size=(users, items), p=(0.9, 0.06, 0.02, 0.02))
    splits = [
        UserItems.from_pairs(*np.nonzero(label == value), n_users=users, n_items=items) for value in (1, 2, 3)
    ]
    return generator.standard_normal((items, dim)).astype(np.float32), splits


def test_metrics_equal_those_of_the_whole_ranking():
    vectors, (train, _, test) = random_world(0)
    units = unit_rows(vectors)
    histories = [train.items[train.starts[user] : train.starts[user + 1]] for user in range(60)]
    profiles = unit_rows(np.stack([units[items].mean(0) for items in histories]))

    def score(users):
        return torch.from_numpy(profiles[users] @ unit_rows(vectors).T)

    whole = means(rank(score, train, test, 20), ["recall@20", "ndcg@10"])
    (ranks,) = find_ranks(
        CosineRanks(vectors, train, 20, memory=MEMORY, halves=False), train, [test], 20, block=7
    )
    assert recall(ranks.hits, ranks.positives, 20).mean() == pytest.approx(whole["recall@20"], abs=1e-12)
    assert ndcg(ranks.hits, ranks.positives, 10).mean() == pytest.approx(whole["ndcg@10"], abs=1e-12)


@pytest.mark.parametrize("copies", [1, 5])
def test_half_precision_blocks_and_memory_change_no_place_and_no_neighbor(monkeypatch, copies):
    vectors, (train, valid, test) = random_world(1)
    vectors[: 400 // copies * copies] = np.tile(vectors[: 400 // copies], (copies, 1))
    monkeypatch.setattr(cosine, "GLANCE", 64)
    for module in (cosine, nearest):
        monkeypatch.setattr(module, "HALVES_FROM", 1)
    monkeypatch.setattr(nearest, "SPARE_OF_HALVES", 20)
    monkeypatch.setattr(cosine, "BAND", 3)
    results = []
    for halves, memory, block in ((False, 1 << 24, 100), (True, 1 << 12, 9)):
        finder = CosineRanks(vectors, train, 20, memory=memory, halves=halves)
        found = find_ranks(finder, train, [valid, test], 20, block=block)
        near = nearest.nearest(vectors, 10, memory=memory, halves=halves)
        results.append(([as_dict(ranks) for ranks in found], near))
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1].items, results[1][1].items)
    np.testing.assert_array_equal(results[0][1].cosines, results[1][1].cosines)
    assert (near.first(3).items == near.items[:, :3]).all()


def test_rounding_as_bad_as_it_can_be_changes_no_place(monkeypatch):
    # Each entry lies just above the middle of two bfloat16 numbers, and so does the product with the first item: it is
    # 0.9414 in bfloat16 and 0.9323 in truth, below the positive's.
    monkeypatch.setattr(cosine, "HALVES_FROM", 1)
    inflated = np.repeat([2**-3, 2**-5, 2**-6], (59, 3, 1)) * (1 + 2**-8 + 2**-20)
    product = float(inflated @ inflated)
    left = np.sqrt(1 - product)
    bought = np.concatenate([inflated, [left, 0, 0]])
    rounds_up = np.concatenate([inflated, [0, left, 0]])
    own = product + 1e-4
    positive = own * bought + np.sqrt(1 - own**2) * np.eye(len(bought))[-1]
    vectors = np.stack([bought, rounds_up, positive])
    train, test = (
        UserItems.from_pairs(np.array([0]), np.array([item]), n_users=1, n_items=3) for item in (0, 2)
    )
    finder = CosineRanks(vectors, train, 2, memory=MEMORY, halves=True)
    assert find_ranks(finder, train, [test], 2, block=1)[0].ranks.tolist() == [0]


def test_permuting_distinct_items_changes_no_place():
    vectors, (train, _, test) = random_world(2)
    order = np.random.default_rng(3).permutation(400)
    place = np.argsort(order)
    moved = [
        UserItems.from_pairs(split.users, place[split.items], n_users=60, n_items=400)
        for split in (train, test)
    ]
    (before,) = find_ranks(
        CosineRanks(vectors, train, 50, memory=MEMORY, halves=False), train, [test], 50, block=60
    )
    (after,) = find_ranks(
        CosineRanks(vectors[order], moved[0], 50, memory=MEMORY, halves=False), moved[0], [moved[1]], 50, block=60
    )  # fmt: skip
    assert {(user, order[item]): at for (user, item), at in as_dict(after).items()} == as_dict(before)


def test_counting_never_says_more_than_there_are():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(8, 300, generator=generator)
    rows = np.arange(8).repeat(5)
    bounds = torch.randn(40, generator=generator).double().numpy()
    true = (scores.double().numpy()[rows] > bounds[:, None]).sum(1)
    exact = count_above(scores, rows, bounds, 1000)
    assert (exact == true).all()
    halves = scores.bfloat16()
    rough = count_above(halves, rows, bounds, 1000)
    assert (rough <= (halves.double().numpy()[rows] > bounds[:, None]).sum(1)).all()
    assert (rough[bounds > 0] >= true[bounds > 0] - 12).all()
    assert count_above(scores, rows, bounds, 3).max() == 3


def test_a_split_without_anyone_to_rank_for_says_so():
    vectors, (train, _, _) = random_world(4)
    empty = UserItems.from_pairs(np.zeros(0, int), np.zeros(0, int), n_users=60, n_items=400)
    with pytest.raises(InputError, match="0 have positives"):
        find_ranks(CosineRanks(vectors, train, 5, memory=MEMORY, halves=False), train, [empty], 5, block=9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_counting_all_pairs_at_once_rules_out_no_more_than_there_are(dtype):
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(8, 300, generator=generator).to(dtype)
    bounds = torch.randn(40, generator=generator).double().numpy()
    rows = np.arange(8).repeat(5)
    true = (scores.double().numpy()[rows] > bounds[:, None]).sum(1)
    found = cosine._count_on_device(scores, rows, bounds, 1000)
    assert (found <= true).all()
    assert (found >= true - 12).all()
