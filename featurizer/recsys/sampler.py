"""Training triples: every train pair once an epoch, each with one negative."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from featurizer.errors import InputError
from featurizer.interactions.user_items import UserItems


@dataclass(frozen=True, slots=True)
class Triples:
    """Users, what they bought and what they did not: three (b,) int64 tensors of indices."""

    users: torch.Tensor
    positives: torch.Tensor
    negatives: torch.Tensor

    def to(self, device: torch.device | str) -> Triples:
        """Return the triples on a device."""
        return Triples(self.users.to(device), self.positives.to(device), self.negatives.to(device))

    def rows(self, n_users: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return which rows of a table that holds the users first are needed, and where among them each stands.

        Returns:
            (r,) distinct rows, increasing, and the (3b,) places of users, positives and negatives among them.
        """
        rows = torch.cat([self.users, n_users + torch.cat([self.positives, self.negatives])])
        distinct, places = torch.unique(rows, return_inverse=True)
        return distinct, places


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws an epoch's triples, all at once.

    Attributes:
        users: (pairs,) of the pairs that are trained on, in the order of the train set.
        items: (pairs,) likewise.
        keys: the train pairs' sorted `user · n_items + item`.
        seen: the items that have a train pair; negatives are drawn from these alone.
        n_items: how many items there are.
        saturated_users: users who bought every seen item, so have no negative; their pairs are left out.
    """

    users: np.ndarray
    items: np.ndarray
    keys: np.ndarray
    seen: np.ndarray
    n_items: int
    saturated_users: int

    @classmethod
    def of(cls, train: UserItems) -> Sampler:
        """Prepare to sample from a train set.

        Raises:
            InputError: no pair has a negative.
        """
        seen = np.flatnonzero(train.popularity()).astype(np.int32)
        full = train.counts >= len(seen)
        saturated = int((full & (train.counts > 0)).sum())
        kept = ~full[train.users]
        if not kept.any():
            raise InputError(
                f"{len(train.items)} train pairs over {len(seen)} items, none with a negative; "
                "expected users who have not bought everything"
            )
        return cls(train.users[kept], train.items[kept], train.keys, seen, train.n_items, saturated)

    def negatives(self, generator: np.random.Generator) -> np.ndarray:
        """Return one negative a pair: uniform over the seen items that the pair's user did not train on."""
        drawn = self.seen[generator.integers(0, len(self.seen), len(self.users))]
        pending = np.flatnonzero(self._bought(self.users, drawn))
        while len(pending):
            again = self.seen[generator.integers(0, len(self.seen), len(pending))]
            drawn[pending] = again
            pending = pending[self._bought(self.users[pending], again)]
        return drawn

    def epoch(self, batch_size: int, generator: np.random.Generator) -> Iterator[Triples]:
        """Yield an epoch's batches: every pair once, shuffled, the last batch shorter."""
        negatives = self.negatives(generator)
        order = generator.permutation(len(self.users))
        shuffled = [
            torch.from_numpy(values[order].astype(np.int64)) for values in (self.users, self.items, negatives)
        ]
        for start in range(0, len(order), batch_size):
            yield Triples(*(values[start : start + batch_size] for values in shuffled))

    def batches(self, batch_size: int) -> int:
        """How many batches an epoch has."""
        return -(-len(self.users) // batch_size)

    def _bought(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        asked = users.astype(np.int64) * self.n_items + items
        found = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        return self.keys[found] == asked
