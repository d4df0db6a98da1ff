"""Millions of ids in little memory: whether two are the same is told, not what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

DIGEST = 12
"""Bytes that stand for an id: of a thousand million ids, two agree with a probability of 1e-11."""


def digests_of(ids: Iterable[str]) -> np.ndarray:
    """Return (n,) digests of n ids."""
    found = (hashlib.blake2b(item.encode(), digest_size=DIGEST).digest() for item in ids)
    return np.frombuffer(b"".join(found), f"S{DIGEST}")


class PackedIds:
    """Ids in order, by a digest of each."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._count = 0

    def add(self, ids: Sequence[str]) -> None:
        """Put ids behind those that are there."""
        self._parts.append(digests_of(ids))
        self._count += len(ids)

    def __len__(self) -> int:
        return self._count

    def digests(self) -> np.ndarray:
        """Return (n,) digests, in the order of the ids."""
        self._parts = [np.concatenate([np.zeros(0, f"S{DIGEST}"), *self._parts])]
        return self._parts[0]

    def repeated(self) -> np.ndarray:
        """Return the (r,) places, ascending, of ids that stand earlier, too."""
        digests = self.digests()
        order = np.argsort(digests, kind="stable")
        ordered = digests[order]
        return np.sort(order[1:][ordered[1:] == ordered[:-1]])

    def lacking(self, ids: Iterable[str]) -> int:
        """Return how many of some ids, all different, are not among these."""
        return int((~np.isin(digests_of(ids), self.digests())).sum())
