"""What a mean over users is worth: its interval, and whether two systems' means differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from featurizer.errors import InputError

CELLS = 4_000_000
FEW = 100
"""Users; with fewer the percentile bootstrap is too narrow, and the wider of Student's and BCa stands in its place."""

Bounds: TypeAlias = tuple[float, float]
"""The least and the greatest that a value can be."""
ANY: Bounds = (-inf, inf)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over users with its confidence interval; of one user, which says nothing of others, all are the value."""

    mean: float
    low: float
    high: float
    users: int


def mean_interval(
    values: np.ndarray, *, bounds: Bounds = ANY, seed: int = 0, samples: int = 1000, level: float = 0.95
) -> Interval:
    """Return the mean of (u,) values, all within `bounds`, with its interval, as `mean_intervals`.

    Raises:
        InputError: there are no values.
    """
    return mean_intervals(values[:, None], bounds=[bounds], seed=seed, samples=samples, level=level)[0]


def mean_intervals(
    values: np.ndarray,
    counted: np.ndarray | None = None,
    *,
    bounds: Sequence[Bounds] | None = None,
    seed: int = 0,
    samples: int = 1000,
    level: float = 0.95,
) -> list[Interval]:
    """Return the interval of each column of (u, m) values.

    From `FEW` users on it is the percentile interval of the bootstrap, whose resamples of the users all columns share.
    Below that, where it covers the mean less often than it says, the interval reaches as far as the wider of two:
    Student's mean ± t · s/√u, which knows that the spread is an estimate, and the bias-corrected and accelerated
    bootstrap (BCa; Efron, 1987), which knows skew. So it leaves 0 out only where `paired_t_test` finds p < 1 − level.

    Args:
        values: (u, m), a column a metric.
        counted: (u, m) bool, which users a column's mean is over; None for all.
        bounds: m, what a column's values can be: no interval reaches beyond; None for anything.
        seed: of the resamples.
        samples: how many.
        level: of confidence.

    Raises:
        InputError: a column has no values.
    """
    counted = np.ones(values.shape, bool) if counted is None else counted
    users = counted.sum(0)
    if not values.size or not users.all():
        raise InputError("no user to average over; expected at least one, check the split")
    valued, many = np.where(counted, values, 0.0), users >= FEW
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    ends = np.empty((2, len(users)))
    if many.any():
        resampled = _resampled(valued[:, many], counted[:, many], seed, samples)
        ends[:, many] = np.nanquantile(resampled, tails, axis=0)
    for column in np.flatnonzero(~many):
        own = values[counted[:, column], column]
        few = np.stack([_student(own, tails), _bca(own, seed, samples, tails)])
        ends[:, column] = few[:, 0].min(), few[:, 1].max()
    if bounds is not None:
        ends = np.clip(ends, *np.array(bounds).T)
    means = valued.sum(0) / users
    return [
        Interval(float(mean), float(low), float(high), int(size))
        for mean, low, high, size in zip(means, *ends, users, strict=True)
    ]


def _resampled(valued: np.ndarray, counted: np.ndarray, seed: int, samples: int) -> np.ndarray:
    """Return (samples, m) means of drawn users; `valued` is 0 where a user does not count, NaN where none is drawn."""
    there, generator = counted.astype(np.float64), np.random.default_rng(seed)
    found = []
    for count in _blocks(samples, len(valued)):
        drawn = generator.integers(0, len(valued), (count, len(valued)))
        times = np.stack([np.bincount(row, minlength=len(valued)) for row in drawn]).astype(np.float64)
        sums, weights = times @ valued, times @ there
        found.append(np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights > 0))
    return np.concatenate(found)


def _student(values: np.ndarray, tails: np.ndarray) -> np.ndarray:
    """Return the two ends of the t-interval of (k,) values."""
    free = max(len(values) - 1, 1)
    error = np.sqrt(((values - values.mean()) ** 2).sum() / free / len(values))
    return np.asarray(values.mean() + stdtrit(free, tails) * error)


def _bca(values: np.ndarray, seed: int, samples: int, tails: np.ndarray) -> np.ndarray:
    """Return the two ends of the BCa interval of (k,) values.

    The resamples' quantiles are taken at Φ(z₀ + (z₀ + z)/(1 − a (z₀ + z))), z₀ from the share of resamples below the
    mean, a from the jackknife.
    """
    mean, deviations = values.mean(), values - values.mean()
    if not deviations.any():
        return np.array([mean, mean])
    drawn = np.random.default_rng(seed).integers(0, len(values), (samples, len(values)))
    resampled = values[drawn].mean(axis=1)
    below = np.sign(mean - resampled).mean() / 2 + 0.5
    z0 = ndtri(np.clip(below, 1 / samples, 1 - 1 / samples))
    acceleration = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    z = z0 + ndtri(tails)
    return np.asarray(np.quantile(resampled, ndtr(z0 + z / (1 - acceleration * z))))


def paired_t_test(differences: np.ndarray) -> np.ndarray:
    """Return the two-sided p-value of each column of (u, m) differences, by Student's paired t-test.

    Over as many users as are ranked here it agrees with Fisher's randomization test, and tells small p-values apart
    where many pairs are tested at once. Columns without any difference, or of a single user, have p = 1; those whose
    users all differ by the same have p = 0.
    """
    users = len(differences)
    mean, spread = differences.mean(0), differences.std(0, ddof=min(1, users - 1))
    able = (spread > 0) & (users > 1)
    t = np.divide(mean * np.sqrt(users), spread, out=np.zeros_like(mean), where=able)
    alike = np.where((mean != 0) & (users > 1), 0.0, 1.0)
    return np.where(able, 2 * stdtr(max(users - 1, 1), -np.abs(t)), alike)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return (m,) p-values adjusted for m tests at once (Holm, 1979): none is below what it stands for alone."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _blocks(samples: int, users: int) -> list[int]:
    size = max(1, CELLS // max(users, 1))
    return [min(size, samples - start) for start in range(0, samples, size)]
