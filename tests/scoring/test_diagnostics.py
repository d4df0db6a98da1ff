"""Each diagnostic against its formula, written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import skew
from small_evaluation import ITEMS, grouped, part, space, world

from featurizer.ranking.nearest import nearest
from featurizer.scoring import diagnostics
from featurizer.scoring.diagnostics.alignment import alignment_and_uniformity, bought_together
from featurizer.scoring.diagnostics.cka import linear_cka
from featurizer.scoring.diagnostics.co_purchase import co_purchase
from featurizer.scoring.diagnostics.effective_rank import effective_rank
from featurizer.scoring.diagnostics.hubness import hubness
from featurizer.scoring.diagnostics.modality_gap import modality_gap
from featurizer.scoring.diagnostics.retrieval import own_ranks, retrieval
from featurizer.scoring.scorer import ScoreOptions

OPTIONS = ScoreOptions(ks=(5,))


def named(measures):
    return {measure.key.metric: measure.value for measure in measures}


def unit(vectors):
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def test_coverage_counts_null_zero_and_repeated_rows():
    vectors = grouped(0)
    vectors[1], vectors[2] = vectors[0], 0
    found = named(
        diagnostics.score(space(part("a", "image", vectors, np.arange(ITEMS) > -1)), world(), OPTIONS)
    )
    assert found["diagnostic_zero"] == pytest.approx(1 / ITEMS)
    assert found["diagnostic_duplicate"] == pytest.approx(1 / ITEMS)
    assert found["diagnostic_coverage"] == pytest.approx(1 - 1 / ITEMS)
    assert all(np.isfinite(value) for value in found.values())


def test_effective_rank_is_the_dimension_of_even_and_one_of_flat_vectors():
    assert named(effective_rank(np.eye(7, dtype=np.float32)))["diagnostic_effective_rank"] == pytest.approx(7)
    flat = np.outer(np.arange(1, 6), np.ones(4)).astype(np.float32)
    assert named(effective_rank(flat))["diagnostic_effective_rank"] == pytest.approx(1, abs=1e-3)
    sigma = np.linalg.svd(grouped(0).astype(float), compute_uv=False)
    p = sigma / sigma.sum()
    expected = np.exp(-(p * np.log(p)).sum())
    assert named(effective_rank(grouped(0)))["diagnostic_effective_rank"] == pytest.approx(expected, rel=1e-6)


def test_alignment_and_uniformity_are_near_their_sums_over_all_pairs():
    vectors, bought = grouped(0), world()
    found = named(alignment_and_uniformity(vectors, bought.bought, 0))
    units, near = unit(vectors), []
    for user in range(len(bought.user_ids)):
        items = bought.bought.items[bought.bought.starts[user] : bought.bought.starts[user + 1]]
        near += [((units[a] - units[b]) ** 2).sum() for a, b in itertools.permutations(items, 2)]
    assert found["diagnostic_alignment"] == pytest.approx(np.mean(near), rel=0.03)
    apart = [((units[a] - units[b]) ** 2).sum() for a, b in itertools.permutations(range(ITEMS), 2)]
    expected = np.log(np.exp(-2 * np.array(apart)).mean())
    assert found["diagnostic_uniformity"] == pytest.approx(expected, abs=0.03)


def test_pairs_bought_together_are_of_one_user_and_differ():
    train = world().bought
    a, b = bought_together(train, 500, np.random.default_rng(0))
    rows = [set(train.items[train.starts[u] : train.starts[u + 1]].tolist()) for u in range(train.n_users)]
    assert (a != b).all()
    for pair in zip(a.tolist(), b.tolist(), strict=True):
        assert any(set(pair) <= row for row in rows)


def test_cka_is_one_of_a_rotation_and_low_of_noise():
    vectors = grouped(0)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    assert named(linear_cka(vectors, 3 * vectors @ turn))["diagnostic_cka"] == pytest.approx(1, abs=1e-6)
    a, b = (rows - rows.mean(0) for rows in (grouped(0).astype(float), grouped(9, dim=4).astype(float)))
    k, m = a @ a.T, b @ b.T
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert named(linear_cka(grouped(0), grouped(9, dim=4)))["diagnostic_cka"] == pytest.approx(
        expected, rel=1e-6
    )


def test_the_modality_gap_is_the_distance_of_the_means():
    a, b = grouped(0), grouped(1)
    expected = np.linalg.norm(unit(a).mean(0) - unit(b).mean(0))
    assert named(modality_gap(a, b))["diagnostic_modality_gap"] == pytest.approx(expected)


def test_retrieval_finds_the_own_text_as_a_full_sort_does():
    a = grouped(0)
    b = a + 0.5 * np.random.default_rng(1).standard_normal(a.shape).astype(np.float32)
    scores = unit(a) @ unit(b).T
    expected = [int((-row).argsort(kind="stable").tolist().index(i)) for i, row in enumerate(scores)]
    assert own_ranks(unit(a), unit(b), 1 << 12).tolist() == expected
    found = {(m.key.metric, m.key.k): m.value for m in retrieval(a, b, ("image", "text"), OPTIONS)}
    key = "diagnostic_retrieval_image_to_text_recall"
    assert found[key, 1] == pytest.approx(np.mean(np.array(expected) < 1))
    assert found[key, 5] == pytest.approx(np.mean(np.array(expected) < 5))


def test_hubness_is_the_skewness_of_k_occurrence():
    vectors = grouped(0)
    near = nearest(vectors, 5, memory=1 << 20)
    counts = np.bincount(near.items.ravel(), minlength=ITEMS)
    assert named(hubness(near, vectors))["diagnostic_hubness"] == pytest.approx(skew(counts))


def test_co_purchase_is_the_share_of_neighbor_pairs_with_a_common_buyer():
    vectors, train = grouped(0), world().bought
    near = nearest(vectors, 5, memory=1 << 20)
    buyers = [set(train.users[train.items == item].tolist()) for item in range(ITEMS)]
    pairs = [(i, j) for i in range(ITEMS) for j in near.items[i] if buyers[i] and buyers[j]]
    found = named(co_purchase(near, vectors, train, 0))
    assert found["diagnostic_co_purchase"] == pytest.approx(
        np.mean([bool(buyers[i] & buyers[j]) for i, j in pairs])
    )
    sold = [item for item in range(ITEMS) if buyers[item]]
    chance = np.mean([bool(buyers[i] & buyers[j]) for i, j in itertools.permutations(sold, 2)])
    assert found["diagnostic_co_purchase_random"] == pytest.approx(chance, abs=0.01)
    assert found["diagnostic_co_purchase_lift"] > 2


def test_two_parts_of_one_width_are_compared_and_of_others_only_by_cka():
    pair = space(part("a", "image", grouped(0)), part("b", "text", grouped(1)))
    assert "diagnostic_modality_gap" in named(diagnostics.score(pair, world(), OPTIONS))
    other = space(part("a", "image", grouped(0)), part("b", "text", grouped(1, dim=4)))
    found = named(diagnostics.score(other, world(), OPTIONS))
    assert "diagnostic_cka" in found
    assert "diagnostic_modality_gap" not in found
