"""Each formula of the alignment against the same written out dense."""

from __future__ import annotations

import numpy as np
import planted
import pytest

from featurizer.alignment import ppmi as ppmi_module
from featurizer.alignment.behavior import behavior_vectors
from featurizer.alignment.choose import climb
from featurizer.alignment.content import Axes, joined_content
from featurizer.alignment.folds import among_first, folds
from featurizer.alignment.learned import Choice, Learned, counts
from featurizer.alignment.mapping import aligned_matrix
from featurizer.alignment.ppmi import Ppmi, sampled
from featurizer.alignment.ridge import Ridge, weighted_products
from featurizer.features.join import join, unit_rows


def side_by_side(content, mapped, share):
    """Own and mapped vectors, each scaled to a root mean square of 1, written out."""
    beside = content @ mapped
    own, moved = (np.sqrt((rows**2).sum(1).mean()) for rows in (content, beside))
    return np.concatenate([content / own, share * beside / moved], axis=1)


def dense_ppmi(train):
    has = np.zeros((train.n_users, train.n_items))
    has[train.users, train.items] = 1
    together = has.T @ has
    np.fill_diagonal(together, 0)
    sums = together.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(together * sums.sum() / np.outer(sums, sums))
    return np.where(together > 0, np.maximum(found, 0), 0)


@pytest.mark.parametrize("block", [1, 500, 20_000_000])
def test_ppmi_multiplied_in_blocks_equals_the_dense_matrix(block, monkeypatch):
    monkeypatch.setattr(ppmi_module, "BLOCK_PAIRS", block)
    right = np.random.default_rng(0).standard_normal((planted.ITEMS, 5))
    np.testing.assert_allclose(
        Ppmi.of(planted.train()) @ right, dense_ppmi(planted.train()) @ right, atol=1e-9
    )


def test_behavior_vectors_are_the_leading_singular_vectors_times_the_root_of_their_values():
    left, values, _ = np.linalg.svd(dense_ppmi(planted.train()))
    found = behavior_vectors(Ppmi.of(planted.train()), planted.KINDS, seed=0)
    expected = left[:, : planted.KINDS] * values[: planted.KINDS] @ left[:, : planted.KINDS].T
    np.testing.assert_allclose(found @ found.T, expected, atol=0.02)


def test_behavior_vectors_are_the_same_bits_for_the_same_seed():
    first, again = (behavior_vectors(Ppmi.of(planted.train()), 6, seed=3) for _ in range(2))
    assert first.tobytes() == again.tobytes()


def test_ridge_equals_the_normal_equations_written_out():
    draw = np.random.default_rng(1)
    content = draw.standard_normal((30, 6)).astype(np.float32)
    behavior = draw.standard_normal((30, 4)).astype(np.float32)
    seen = draw.integers(0, 5, 30).astype(float)
    weighted = content.T * seen
    moments = weighted @ content
    penalty = 0.3 * np.trace(moments) / 6
    expected = np.linalg.solve(moments + penalty * np.eye(6), weighted @ behavior[:, :3])
    products = (weighted_products(content, right, seen) for right in (content, behavior))
    np.testing.assert_allclose(Ridge.of(*products).solve(0.3, 3), expected, rtol=1e-4, atol=1e-6)


def test_one_linear_map_has_the_cosines_of_own_and_mapped_vectors_side_by_side():
    draw = np.random.default_rng(2)
    content = draw.standard_normal((40, 7)).astype(np.float32)
    mapped = draw.standard_normal((7, 3))
    one = unit_rows(content @ aligned_matrix(content.T @ content / 40, mapped, 1.5))
    both = unit_rows(side_by_side(content, mapped, 1.5))
    np.testing.assert_allclose(one @ one.T, both @ both.T, atol=1e-5)


def test_content_is_the_honest_join_normalized():
    weights = (1.0, 0.5)
    expected = unit_rows(join(planted.parts(), weights)[0])
    np.testing.assert_allclose(joined_content(planted.parts(), weights)(planted.parts()), expected, atol=1e-6)


@pytest.mark.parametrize("items", [planted.ITEMS, 15])
def test_half_whitening_divides_principal_axes_by_the_root_of_their_deviation(items):
    parts = [(vectors[:items], present[:items]) for vectors, present in planted.parts()]
    joined = joined_content(parts, (1.0, 1.0))
    axes = Axes.of(joined, parts)
    plain, halved = axes.plain(joined, 5)(parts), axes.half_whitened(joined, 5)(parts)
    deviations = np.sqrt((plain.astype(float) ** 2).mean(0))
    np.testing.assert_allclose(halved, plain / np.sqrt(deviations), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(plain.T @ plain, np.diag(deviations**2 * items), atol=1e-3)


def test_a_fold_shares_no_interaction_between_what_teaches_and_what_is_ranked():
    train = planted.train()
    for fold in folds(train, 5, 1000, seed=0):
        assert not np.isin(fold.train.items, fold.held).any()
        np.testing.assert_allclose(fold.profiles.sum(1), 1, rtol=1e-5)
        profiled = fold.rows[fold.profiles.toarray().any(0)]
        assert not np.isin(profiled, fold.held).any()
        assert np.isin(fold.held, fold.rows).all()


def test_the_recall_of_a_fold_equals_the_written_out_mean():
    vectors = np.random.default_rng(4).standard_normal((planted.ITEMS, 5)).astype(np.float32)
    fold = next(folds(planted.train(), 1, 1000, seed=0))
    looked_at = vectors[fold.rows]
    units = unit_rows(looked_at - looked_at.mean(0))
    values = []
    for user, profile in enumerate(fold.profiles.toarray()):
        scores = units[np.isin(fold.rows, fold.held)] @ (profile @ units)
        order = np.argsort(-scores, kind="stable")[: planted.ITEMS // 5 // 4]
        wanted = fold.wanted[fold.users == user]
        values.append(np.isin(wanted, order).sum() / len(wanted))
    assert fold.recall(looked_at) == pytest.approx(np.mean(values))


@pytest.mark.parametrize("k", [1, 3, 8, 9])
def test_among_first_equals_a_stable_sort_also_where_scores_are_equal(k):
    draw = np.random.default_rng(6)
    scores = draw.integers(0, 4, (50, 8)).astype(np.float32)
    rows, columns = np.divmod(np.arange(scores.size), 8)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    expected = [column in order[row] for row, column in zip(rows, columns, strict=True)]
    assert among_first(scores, rows, columns, k).tolist() == expected


def test_climbing_finds_the_summit_from_either_side_and_scores_few():
    scored = []

    def height(value):
        scored.append(value)
        return -((value - 5) ** 2)

    assert [climb(range(100), height, start) for start in (0, 9, 5)] == [5, 5, 5]
    assert len(scored) < 25
    assert climb([7], height, 7) == 7


def test_the_moments_of_a_fold_are_those_of_all_items_less_those_held_out():
    train, content = planted.train(), joined_content(planted.parts(), (1.0, 1.0))(planted.parts())
    inner = list(folds(train, 2, 1000, seed=0))
    behaviors = [behavior_vectors(Ppmi.of(fold.train), 6, seed=0) for fold in inner]
    seen = train.popularity().astype(float)
    learned = Learned(inner, behaviors, content, seen)
    choice = Choice((1.0, 1.0), None, 0.1, 6, 1.0, 0.5, content.shape[1], 0.0, None, 0.0)
    expected = []
    for fold, behavior in zip(inner, behaviors, strict=True):
        own = counts(fold.train.popularity().astype(float), 0.5)
        regression = Ridge.of(
            weighted_products(content, content, own), weighted_products(content, behavior, own)
        )
        beside = side_by_side(content, regression.solve(0.1, 6), 1.0)
        expected.append(fold.recall(beside[fold.rows]))
    assert learned.recall(choice) == pytest.approx(np.mean(expected), abs=1e-3)
    assert learned.cut(choice, [content.shape[1]]) == pytest.approx([np.mean(expected)], abs=2e-3)


def test_users_of_many_items_are_drawn_from_and_counted():
    kept, most, long = sampled(planted.train(each=8), 3, seed=0)
    assert (most, long) == (3, planted.USERS)
    assert (kept.counts == 3).all()
    assert planted.train(each=8).contains(kept.users, kept.items).all()
    train = planted.train(each=8)
    whole, _, none = sampled(train, 8, seed=0)
    assert whole is train
    assert none == 0


def test_users_count_fewer_items_where_all_their_pairs_are_too_many(monkeypatch):
    train = planted.train(each=8)
    monkeypatch.setattr(ppmi_module, "MOST_PAIRS", planted.USERS * 5 * 5 + 1)
    kept, most, long = sampled(train, 1000, seed=0)
    assert (most, long) == (5, planted.USERS)
    assert (kept.counts == 5).all()
