"""Are items of one user near, and all items spread out?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.cosine import unit_rows
from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey

PAIRS = 100_000
TEMPERATURE = 2.0


def alignment_and_uniformity(vectors: np.ndarray, bought: UserItems, seed: int) -> Iterator[Single]:
    """Yield alignment, mean ‖x − y‖² over pairs that one user bought, and uniformity, log mean exp(−2‖x − y‖²).

    On L2-normalized vectors; lower is better for both (Wang & Isola, 2020, α = 2, t = 2). Up to 100,000 pairs
    each are drawn by `seed`: a pair of any split and another item of its user; two different items.
    """
    units = unit_rows(vectors)
    known = np.asarray(units.any(1))
    generator = np.random.default_rng([seed, 3])
    a, b = bought_together(bought, PAIRS, generator)
    there = known[a] & known[b]
    if there.any():
        distances = _squared(units, a[there], b[there])
        yield Single(MetricKey("diagnostic_alignment"), float(distances.mean()), int(there.sum()))
    rows = np.flatnonzero(known)
    if len(rows) > 1:
        a, b = different(rows, PAIRS, generator)
        spread = float(np.log(np.exp(-TEMPERATURE * _squared(units, a, b)).mean()))
        yield Single(MetricKey("diagnostic_uniformity"), spread, len(a))


def bought_together(
    bought: UserItems, pairs: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of different items that a user bought: a pair, and another item of its user."""
    able = np.flatnonzero(bought.counts[bought.users] > 1)
    if not len(able):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    drawn = generator.choice(able, pairs)
    users = bought.users[drawn]
    first, count = bought.starts[users], bought.counts[users]
    step = 1 + (generator.random(pairs) * (count - 1)).astype(np.int64)
    other = first + (drawn - first + step) % count
    return bought.items[drawn], bought.items[other]


def different(rows: np.ndarray, pairs: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of two different rows."""
    a = generator.integers(0, len(rows), pairs)
    b = (a + generator.integers(1, len(rows), pairs)) % len(rows)
    return rows[a], rows[b]


def _squared(units: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.empty(len(a))
    for start in range(0, len(a), 4096):
        part = slice(start, start + 4096)
        out[part] = ((units[a[part]] - units[b[part]]) ** 2).sum(1)
    return out
