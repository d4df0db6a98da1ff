"""The customers: each likes a few values of every trait and buys accordingly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featurizer.catalog.sample.traits import VALUES, SampleItem, codes

LIKES: dict[str, tuple[int, float]] = {
    "kind": (3, 5.0),
    "color": (1, 2.0),
    "pattern": (1, 3.0),
    "use": (2, 3.0),
    "make": (1, 1.5),
}
"""Of each trait: how many of its values a user likes, and what a liked one adds to the utility."""

POPULARITY = 0.4
"""Standard deviation of what an item's popularity adds to everyone's utility."""
FEWEST, MOST = 10, 25
"""How many items a user reviews."""
START_MS, SPAN_MS = 1_420_070_400_000, 8 * 365 * 86_400_000
"""Reviews fall between January 2015 and the end of 2022."""
_REPEATS = 0.002
"""Share of reviews that stand in the file twice."""


@dataclass(frozen=True, slots=True)
class Review:
    """One user's review of the item in row `item`, at a time in milliseconds."""

    user_id: str
    item: int
    rating: int
    timestamp: int
    pick: int


def utility(items: Sequence[SampleItem], users: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return what each user sees in each item, [users, items]: liked traits plus popularity."""
    total = np.zeros((users, len(items))) + rng.normal(0, POPULARITY, len(items))
    for name, (liked, weight) in LIKES.items():
        order = rng.random((users, len(VALUES[name]))).argsort(axis=1)
        total += weight * (order < liked)[:, codes(items, name)]
    return total


def make_reviews(items: Sequence[SampleItem], users: int, rng: np.random.Generator) -> list[Review]:
    """Let every user draw items without replacement with probability softmax(utility), then rate them.

    A few reviews occur twice, as they do in the published files.
    """
    wanted = utility(items, users, rng)
    noisy = wanted + rng.gumbel(size=wanted.shape)
    reviews: list[Review] = []
    for user, user_id in enumerate(_user_ids(users, rng)):
        count = min(int(rng.integers(FEWEST, MOST + 1)), len(items) // 2)
        bought = rng.permutation(np.argsort(-noisy[user], kind="stable")[:count])
        times = np.sort(rng.integers(START_MS, START_MS + SPAN_MS, count))
        delight = wanted[user, bought] - wanted[user, bought].mean() + rng.normal(0, 1, count)
        ratings = np.clip(np.round(4.2 + 0.5 * delight), 1, 5)
        for item, rating, time in zip(bought, ratings, times, strict=True):
            review = Review(user_id, int(item), int(rating), int(time), int(rng.integers(1 << 16)))
            reviews += [review] * (2 if rng.random() < _REPEATS else 1)
    return reviews


def _user_ids(count: int, rng: np.random.Generator) -> list[str]:
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
    return [f"AE{row:04d}" + "".join(rng.choice(letters, 22)) for row in range(count)]
