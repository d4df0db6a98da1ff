"""What items are bought together more often than by chance: positive pointwise mutual information, never stored whole.

With C[i, j] the number of users who have both i and j (0 where i = j), s its row sums and t their total (Levy and
Goldberg, 2014):

    PPMI[i, j] = max(0, log(C[i, j] · t / (s_i · s_j)))
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from featurizer.encoders.device import cpu_threads
from featurizer.interactions.user_items import UserItems

BLOCK_PAIRS = 20_000_000
"""Co-interactions counted at once, at most, by all threads; a single item may have more."""
MOST_PAIRS = 200_000_000
"""Co-interactions counted in all, at most; where there are more, of fewer items a user."""


@dataclass(frozen=True, slots=True)
class Ppmi:
    """The symmetric (n, n) matrix as something to multiply with.

    Attributes:
        users: (u, n) float32, who has what.
        items: (n, u), the same turned.
        sums: (n,) float64, s.
    """

    users: sparse.csr_array
    items: sparse.csr_array
    sums: np.ndarray

    @classmethod
    def of(cls, train: UserItems) -> Ppmi:
        """Take over who has what."""
        ones = np.ones(len(train.items), np.float32)
        users = sparse.csr_array((ones, train.items, train.starts), shape=(train.n_users, train.n_items))
        items = sparse.csr_array(users.T)
        others = (train.counts - 1).astype(np.float64)
        return cls(users, items, items.astype(np.float64) @ others)

    def __matmul__(self, right: np.ndarray) -> np.ndarray:
        """Return the (n, k) product with an (n, k) matrix, in its type; blocks of rows are made and forgotten."""
        out = np.zeros((len(self.sums), right.shape[1]), right.dtype)

        def fill(block: tuple[int, int]) -> None:
            out[slice(*block)] = self.rows(*block, right.dtype) @ right

        threads = cpu_threads(None)
        with ThreadPoolExecutor(threads, "ppmi") as pool:  # SciPy's products run beside each other
            for _ in pool.map(fill, self._blocks(BLOCK_PAIRS // threads)):
                pass
        return out

    def rows(self, start: int, stop: int, dtype: np.dtype[Any]) -> sparse.csr_array:
        """Return some rows; what is not bought together more often than by chance stands there as 0."""
        counts = sparse.csr_array(self.items[start:stop] @ self.users)
        row = np.repeat(np.arange(start, stop, dtype=counts.indices.dtype), np.diff(counts.indptr))
        inverse = 1 / np.maximum(self.sums, 1)
        found = counts.data.astype(dtype)
        found *= (inverse * self.sums.sum()).astype(dtype)[row]
        found *= inverse.astype(dtype)[counts.indices]
        found[row == counts.indices] = 1
        np.maximum(found, 1, out=found)
        np.log(found, out=found)
        return sparse.csr_array((found, counts.indices, counts.indptr), shape=counts.shape)

    def _blocks(self, most: int) -> Iterator[tuple[int, int]]:
        """Yield rows whose co-interactions are few enough to be counted at once."""
        pairs = np.cumsum(self.items.astype(np.float64) @ np.diff(self.users.indptr).astype(np.float64))
        start = 0
        while start < len(pairs):
            done = pairs[start - 1] if start else 0.0
            stop = max(start + 1, int(np.searchsorted(pairs, done + most, side="right")))
            yield start, stop
            start = stop


def sampled(train: UserItems, most: int, seed: int) -> tuple[UserItems, int, int]:
    """Keep at most so many items of each user, drawn by the seed; fewer where they make more than `MOST_PAIRS`.

    A user with thousands of items says little of each pair of them, and costs the square of their number.

    Returns:
        What is kept, how many items of a user at most, and how many users had more.
    """
    most = min(most, _affordable(train.counts))
    long = np.flatnonzero(train.counts > most)
    if not len(long):
        return train, most, 0
    draw = np.random.default_rng([seed, 1])
    kept = np.ones(len(train.items), bool)
    for user in long.tolist():
        start, stop = int(train.starts[user]), int(train.starts[user + 1])
        kept[start + draw.permutation(stop - start)[most:]] = False
    return train.only(kept), most, len(long)


def _affordable(counts: np.ndarray) -> int:
    """Return the most items a user with which all users' pairs stay within `MOST_PAIRS`, at least 2."""
    low, high = 2, max(2, int(counts.max(initial=0)))
    while low < high:
        middle = (low + high + 1) // 2
        if float(np.square(np.minimum(counts, middle, dtype=np.float64)).sum()) <= MOST_PAIRS:
            low = middle
        else:
            high = middle - 1
    return low
