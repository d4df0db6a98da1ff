from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap, t, ttest_1samp

from featurizer.errors import InputError
from featurizer.ranking.bootstrap import (
    ANY,
    FEW,
    holm,
    mean_interval,
    mean_intervals,
    paired_t_test,
)
from featurizer.ranking.metrics import RANGE


def test_the_interval_is_about_the_normal_one():
    values = np.random.default_rng(0).random(4000)
    interval = mean_interval(values, samples=4000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert interval.users == 4000


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).random(100)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    assert mean_interval(values, seed=3) != mean_interval(values, seed=4)


def randomization_test(differences, samples, seed=0):
    """How often the mean is as far from 0 when each user's difference gets a random sign (Fisher)."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (samples, len(differences)))
    extreme = np.abs(signs @ differences) >= abs(differences.sum()) * (1 - 1e-12)
    return (extreme.sum() + 1) / (samples + 1)


def test_a_real_difference_is_found():
    differences = 0.05 + 0.1 * np.random.default_rng(1).standard_normal((800, 1))
    assert paired_t_test(differences)[0] < 0.01
    assert mean_interval(differences[:, 0]).low > 0


def test_p_values_are_uniform_where_nothing_differs():
    generator = np.random.default_rng(2)
    found = paired_t_test(generator.random((50, 300)) - generator.random((50, 300)))
    assert np.mean(found < 0.1) == pytest.approx(0.1, abs=0.05)


def test_no_users_are_an_error():
    with pytest.raises(InputError, match="no user"):
        mean_interval(np.zeros(0))


def test_columns_get_the_interval_they_would_get_alone():
    values = np.random.default_rng(3).random((FEW, 3))
    together = mean_intervals(values, seed=5, samples=200)
    alone = [mean_interval(values[:, column], seed=5, samples=200) for column in range(3)]
    for ours, theirs in zip(together, alone, strict=True):
        assert (ours.mean, ours.low, ours.high) == pytest.approx((theirs.mean, theirs.low, theirs.high))


def test_a_column_counts_its_own_users_only():
    values = np.random.default_rng(4).random((400, 1))
    counted = np.arange(400)[:, None] % 4 == 0
    part = mean_intervals(values, counted, samples=2000)[0]
    alone = mean_interval(values[counted], samples=2000)
    assert part.mean == pytest.approx(alone.mean)
    assert part.users == 100
    assert part.low == pytest.approx(alone.low, abs=0.01)
    assert part.high == pytest.approx(alone.high, abs=0.01)
    with pytest.raises(InputError, match="no user"):
        mean_intervals(values, np.zeros((400, 1), bool))


def test_an_interval_reaches_no_farther_than_a_value_can():
    found = np.array([0.0] * 9 + [1.0])
    free = mean_interval(found)
    assert free.low < 0
    bounded = mean_interval(found, bounds=RANGE)
    assert (bounded.low, bounded.high, bounded.mean) == (0.0, free.high, free.mean)
    upper = mean_interval(1 - found, bounds=RANGE)
    assert (upper.low, upper.high) == (pytest.approx(1 - bounded.high), 1.0)
    both = mean_intervals(np.stack([found, found], axis=1), bounds=[RANGE, ANY])
    assert both == [bounded, free]


def test_holm_adjusts_as_written_out_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.5, 0.9])).tolist() == [1.0, 1.0]


def test_the_t_test_agrees_with_scipy_and_with_the_randomization_test():
    generator = np.random.default_rng(5)
    differences = generator.standard_normal((500, 4)) + np.array([0, 0.05, 0.1, 0.2])
    found = paired_t_test(differences)
    np.testing.assert_allclose(found, ttest_1samp(differences, 0).pvalue, rtol=1e-9)
    for column, p in enumerate(found):
        assert randomization_test(differences[:, column], samples=4000) == pytest.approx(p, abs=0.03)


def test_columns_without_any_difference_are_not_significant():
    assert paired_t_test(np.zeros((5, 2))).tolist() == [1.0, 1.0]
    assert paired_t_test(np.ones((1, 1))).tolist() == [1.0]


def test_a_difference_that_all_users_share_is_as_significant_as_can_be():
    assert paired_t_test(np.tile([1.0, -0.5, 0.0], (8, 1))).tolist() == [0.0, 0.0, 1.0]


def some_find(share):
    """So many of the users find something: their recall is anything up to 1. Return what draws users, and the mean."""

    def draw(generator, users):
        return np.where(generator.random(users) < share, generator.random(users), 0.0)

    return draw, share / 2


def normal(generator, users):
    return generator.standard_normal(users)


@pytest.mark.parametrize(
    ("users", "drawn", "least"),
    [
        (30, some_find(0.25), 0.935),
        (60, some_find(0.25), 0.935),
        (60, some_find(0.1), 0.93),
        (30, some_find(0.1), 0.86),  # in one of 24 draws nobody finds anything: there is no spread to tell
        (30, (normal, 0.0), 0.93),
        (150, (normal, 0.0), 0.92),
    ],
)
def test_an_interval_covers_the_mean_about_as_often_as_it_says(users, drawn, least):
    generator, (draw, mean) = np.random.default_rng(6), drawn
    values = np.stack([draw(generator, users) for _ in range(1500)], axis=1)
    covered = np.mean([one.low <= mean <= one.high for one in mean_intervals(values)])
    assert least < covered < 0.98


def test_the_interval_covers_the_mean_of_five_normal_users_as_often_as_it_says():
    values = np.random.default_rng(7).standard_normal((5, 4000))
    covered = np.mean([one.low <= 0 <= one.high for one in mean_intervals(values, samples=200)])
    assert covered == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize("users", [8, FEW - 1])
def test_below_a_hundred_users_the_interval_is_the_wider_of_scipys_t_and_bca(users):
    values = np.random.default_rng(8).exponential(size=(users + 7, 1))
    counted = np.arange(users + 7)[:, None] >= 7
    (found,) = mean_intervals(values, counted, level=0.9, samples=20_000)
    own = values[counted]
    low, high = t.interval(0.9, users - 1, own.mean(), own.std(ddof=1) / np.sqrt(users))
    bca = bootstrap((own,), np.mean, confidence_level=0.9, n_resamples=20_000, method="BCa", rng=0)
    spread = high - low
    assert found.low == pytest.approx(min(low, bca.confidence_interval.low), abs=0.02 * spread)
    assert found.high == pytest.approx(max(high, bca.confidence_interval.high), abs=0.02 * spread)
    assert bca.confidence_interval.high > high
    assert bca.confidence_interval.low > low


@pytest.mark.parametrize("users", [10, 60])
def test_the_interval_of_few_users_leaves_zero_out_only_where_their_difference_is_significant(users):
    differences = np.random.default_rng(9).standard_normal((users, 200)) + 0.3
    apart = np.array([one.low > 0 or one.high < 0 for one in mean_intervals(differences)])
    significant = paired_t_test(differences) < 0.05
    assert not (apart & ~significant).any()
    assert 0.8 * significant.sum() <= apart.sum() < 200


def test_one_user_alone_has_no_interval_but_the_value():
    (found,) = mean_intervals(np.array([[0.25]]))
    assert (found.low, found.mean, found.high, found.users) == (0.25, 0.25, 0.25, 1)
