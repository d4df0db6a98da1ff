"""What a mean over users is worth: its interval, and whether two systems' means differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurizer.errors import InputError

CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over users with its bootstrap confidence interval."""

    mean: float
    low: float
    high: float
    users: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """System a against b over the same users: the mean of a − b, its interval, and a two-sided p-value."""

    difference: Interval
    p_value: float


def mean_interval(values: np.ndarray, *, seed: int = 0, samples: int = 1000, level: float = 0.95) -> Interval:
    """Return the mean of (u,) values with the percentile interval of `samples` resamples of the users.

    Raises:
        InputError: there are no values.
    """
    if not len(values):
        raise InputError("no user to average over; expected at least one, check the split")
    generator = np.random.default_rng(seed)
    resampled = [
        values[generator.integers(0, len(values), (count, len(values)))].mean(1)
        for count in _blocks(samples, len(values))
    ]
    low, high = np.quantile(np.concatenate(resampled), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high), len(values))


def paired_comparison(
    a: np.ndarray, b: np.ndarray, *, seed: int = 0, samples: int = 1000, level: float = 0.95
) -> Comparison:
    """Compare two systems' (u,) values, user by user.

    The interval is the bootstrap's; the p-value is that of Fisher's randomisation test: how often the mean
    difference is as far from 0 when each user's difference gets a random sign, (count + 1) / (samples + 1).

    Raises:
        InputError: the two are not of the same users.
    """
    if a.shape != b.shape:
        raise InputError(
            f"{len(a)} users against {len(b)}; a paired test needs the same users in the same order"
        )
    differences = a - b
    interval = mean_interval(differences, seed=seed, samples=samples, level=level)
    generator = np.random.default_rng([seed, 1])
    observed, extreme = abs(differences.sum()) * (1 - 1e-12), 0
    for count in _blocks(samples, len(differences)):
        signs = generator.integers(0, 2, (count, len(differences)), dtype=np.int8) * 2 - 1
        extreme += int((np.abs(signs @ differences) >= observed).sum())
    return Comparison(interval, (extreme + 1) / (samples + 1))


def _blocks(samples: int, users: int) -> list[int]:
    size = max(1, CELLS // max(users, 1))
    return [min(size, samples - start) for start in range(0, samples, size)]
