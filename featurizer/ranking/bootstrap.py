"""What a mean over users is worth: its interval, and whether two systems' means differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from featurizer.errors import InputError

CELLS = 4_000_000
FEW = 100
"""Users; with fewer the percentile bootstrap is too narrow, and Student's t-interval stands in its place."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over users with its confidence interval; of one user, which says nothing of others, all are the value."""

    mean: float
    low: float
    high: float
    users: int


def mean_interval(values: np.ndarray, *, seed: int = 0, samples: int = 1000, level: float = 0.95) -> Interval:
    """Return the mean of (u,) values with its interval, as `mean_intervals`.

    Raises:
        InputError: there are no values.
    """
    return mean_intervals(values[:, None], seed=seed, samples=samples, level=level)[0]


def mean_intervals(
    values: np.ndarray,
    counted: np.ndarray | None = None,
    *,
    seed: int = 0,
    samples: int = 1000,
    level: float = 0.95,
) -> list[Interval]:
    """Return the interval of each column of (u, m) values.

    From `FEW` users on it is the percentile interval of the bootstrap, whose resamples of the users all columns share.
    Below that it is Student's, mean ± t · s/√u, which agrees with `paired_t_test`: the percentile interval of 30
    skewed values covers the mean visibly less often than it says (Efron and Tibshirani, 1993, chapter 13).

    Args:
        values: (u, m), a column a metric.
        counted: (u, m) bool, which users a column's mean is over; None for all.
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
    means = valued.sum(0) / users
    ends = means + _student(np.where(counted, values - means, 0.0), users, level)
    if many.any():
        ends[:, many] = _percentiles(valued[:, many], counted[:, many], seed, samples, level)
    return [
        Interval(float(mean), float(low), float(high), int(size))
        for mean, low, high, size in zip(means, *ends, users, strict=True)
    ]


def _student(deviations: np.ndarray, users: np.ndarray, level: float) -> np.ndarray:
    """Return (2, m): how far from the mean the ends of each column's t-interval are."""
    free = np.maximum(users - 1, 1)
    half = stdtrit(free, (1 + level) / 2) * np.sqrt((deviations**2).sum(0) / free / users)
    return np.stack([-half, half])


def _percentiles(
    valued: np.ndarray, counted: np.ndarray, seed: int, samples: int, level: float
) -> np.ndarray:
    """Return (2, m): the ends of each column's percentile interval; `valued` is 0 where a user does not count."""
    there, generator = counted.astype(np.float64), np.random.default_rng(seed)
    resampled = []
    for count in _blocks(samples, len(valued)):
        drawn = generator.integers(0, len(valued), (count, len(valued)))
        times = np.stack([np.bincount(row, minlength=len(valued)) for row in drawn]).astype(np.float64)
        sums, weights = times @ valued, times @ there
        resampled.append(np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights > 0))
    ends = np.nanquantile(np.concatenate(resampled), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.asarray(ends)


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
