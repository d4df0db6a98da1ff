"""Items by user, in compressed rows: who trained on what, who should be shown what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurizer.errors import InputError


@dataclass(frozen=True, slots=True)
class UserItems:
    """Each user's distinct items in increasing order; user u has `items[starts[u]:starts[u + 1]]`.

    Attributes:
        starts: (u + 1,) int64.
        items: (pairs,) int32.
        n_items: how many items there are.
    """

    starts: np.ndarray
    items: np.ndarray
    n_items: int

    @classmethod
    def from_pairs(cls, users: np.ndarray, items: np.ndarray, *, n_users: int, n_items: int) -> UserItems:
        """Sort pairs by user and item and drop repeated ones.

        Raises:
            InputError: a user or item is outside its range, or the two arrays differ in length.
        """
        if len(users) != len(items):
            raise InputError(
                f"{len(users)} users and {len(items)} items, expected as many; pair them one to one"
            )
        for name, values, size in (("user", users, n_users), ("item", items, n_items)):
            if len(values) and not (values.min() >= 0 and values.max() < size):
                raise InputError(
                    f"{name} indices from {values.min()} to {values.max()}, expected 0 to {size - 1}; "
                    f"count the {name}s first"
                )
        keys = np.unique(users.astype(np.int64) * n_items + items.astype(np.int64))
        counts = np.bincount(keys // n_items, minlength=n_users) if n_items else np.zeros(n_users, np.int64)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(starts, (keys % max(n_items, 1)).astype(np.int32), n_items)

    @property
    def n_users(self) -> int:
        """How many users there are, those without items included."""
        return len(self.starts) - 1

    @property
    def counts(self) -> np.ndarray:
        """(u,) items a user has."""
        return np.diff(self.starts)

    @property
    def users(self) -> np.ndarray:
        """(pairs,) the user of each pair, beside `items`."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), self.counts)

    @property
    def keys(self) -> np.ndarray:
        """(pairs,) sorted int64 `user · n_items + item`: one number a pair, to look pairs up by."""
        return self.users.astype(np.int64) * self.n_items + self.items

    def of_items(self, items: np.ndarray) -> UserItems:
        """Return the pairs of the (n,) bool `items` alone, under the same indices."""
        return self.only(items[self.items])

    def popularity(self) -> np.ndarray:
        """(n,) users an item has."""
        return np.bincount(self.items, minlength=self.n_items)

    def pairs_of(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs of (b,) users: the positions in `users` and the items, one entry a pair."""
        counts = self.counts[users]
        position = np.repeat(np.arange(len(users)), counts)
        within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
        return position, self.items[self.starts[users][position] + within]

    def shared(self, others: UserItems) -> int:
        """Count the pairs that are pairs of `others` too; of the same users and items."""
        return int(others.contains(self.users, self.items).sum())

    def only(self, kept: np.ndarray) -> UserItems:
        """Return the pairs that a (pairs,) bool keeps, under the same indices."""
        counts = np.bincount(self.users[kept], minlength=self.n_users)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return UserItems(starts, self.items[kept], self.n_items)

    def contains(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Say of each (user, item) whether it is a pair; any shape, the two broadcast; item -1 never is."""
        keys = self.keys
        if not len(keys):
            return np.zeros(np.broadcast_shapes(users.shape, items.shape), bool)
        asked = users.astype(np.int64) * self.n_items + items
        found = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        return (keys[found] == asked) & (items >= 0)
