"""A small shop: three kinds of items, users who keep to one, content that half shows the kind."""

from __future__ import annotations

import numpy as np

from featurizer.interactions.user_items import UserItems

ITEMS, USERS, KINDS = 240, 200, 6


def kinds():
    return np.arange(ITEMS) % KINDS


def train(seed=0, each=8):
    draw = np.random.default_rng(seed)
    users = np.repeat(np.arange(USERS), each)
    items = np.concatenate(
        [draw.choice(np.flatnonzero(kinds() == user % KINDS), each, replace=False) for user in range(USERS)]
    )
    return UserItems.from_pairs(users, items, n_users=USERS, n_items=ITEMS)


def parts(seed=0, noise=3.0):
    """Two spaces of 12 dimensions; in each the kind is a small shift among much noise."""
    draw = np.random.default_rng(seed)
    found = []
    for dim in (12, 10):
        centers = draw.standard_normal((KINDS, dim))
        vectors = (
            centers[kinds()] + noise * draw.standard_normal((ITEMS, dim)) * np.linspace(0.05, 1, dim) + 4
        )
        found.append((vectors.astype(np.float32), np.ones(ITEMS, bool)))
    found[1][1][::9] = False
    found[1][0][::9] = 0
    return found
