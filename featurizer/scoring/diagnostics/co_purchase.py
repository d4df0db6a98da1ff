"""Are near items bought by the same people more often than any two?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.neighbors import Neighbors
from featurizer.scoring.diagnostics.alignment import different
from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey

PAIRS = 200_000
PIECE = 1 << 16


def co_purchase(near: Neighbors, vectors: np.ndarray, bought: UserItems, seed: int) -> Iterator[Single]:
    """Yield the share of neighbor pairs that some user bought both of, that of random pairs, and their ratio.

    Bought is what stands in any split; only items with a vector that somebody bought count. Up to 200,000 random
    pairs are drawn by `seed`.
    """
    able = np.asarray(vectors.any(1)) & (bought.popularity() > 0)
    item, place = np.nonzero((near.items >= 0) & able[:, None])
    other = near.items[item, place]
    item, other = item[able[other]], other[able[other]]
    rows = np.flatnonzero(able)
    if not len(item) or len(rows) < 2:
        return
    buyers = _buyers(bought)
    k = near.items.shape[1]
    rate = float(share_a_user(buyers, item, other).mean())
    drawn = different(rows, PAIRS, np.random.default_rng([seed, 4]))
    chance = float(share_a_user(buyers, *drawn).mean())
    yield Single(MetricKey("diagnostic_co_purchase", neighbors=k), rate, len(item))
    yield Single(MetricKey("diagnostic_co_purchase_random"), chance, PAIRS)
    if chance > 0:
        yield Single(MetricKey("diagnostic_co_purchase_lift", neighbors=k), rate / chance, len(item))


def _buyers(bought: UserItems) -> sparse.csr_array:
    shape = bought.n_items, bought.n_users
    return sparse.csr_array((np.ones(len(bought.items), np.int32), (bought.items, bought.users)), shape=shape)


def share_a_user(buyers: sparse.csr_array, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Say of (p,) pairs of items whether an (n, u) buyers' row of one meets that of the other."""
    met = np.empty(len(a), bool)
    for start in range(0, len(a), PIECE):
        part = slice(start, start + PIECE)
        met[part] = np.asarray(buyers[a[part]].multiply(buyers[b[part]]).sum(1)).ravel() > 0
    return met
