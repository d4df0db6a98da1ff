"""Which of millions of ids came twice, in eight bytes an id."""

from __future__ import annotations

import numpy as np

RECENT = 1 << 15
"""So many ids are held apart before they are put in order."""


class SeenIds:
    """Ids by a hash of 64 bits each: those whose hash came once are different for sure.

    Of a million different ids any two have one hash with a probability of 3e-8. So what looks again, at the few whose
    hash came twice, is exact.
    """

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._ordered = np.zeros(0, np.int64)
        self._twice: set[int] = set()

    def add(self, item: str) -> bool:
        """Put an id in; say whether a hash came twice, be it that of an id some thousands before."""
        key = hash(item)
        if key in self._recent:
            self._twice.add(key)
            return True
        self._recent.add(key)
        return len(self._recent) == RECENT and self.settle()

    def settle(self) -> bool:
        """Put the last ids in order; say whether a hash came twice that was not known to."""
        recent = np.sort(np.fromiter(self._recent, np.int64, len(self._recent)))
        self._recent.clear()
        places = np.searchsorted(self._ordered, recent)
        inside = places < len(self._ordered)
        there = np.zeros(len(recent), bool)
        there[inside] = self._ordered[places[inside]] == recent[inside]
        known = len(self._twice)
        self._twice.update(recent[there].tolist())
        self._ordered = np.insert(self._ordered, places[~there], recent[~there])
        return len(self._twice) > known

    @property
    def any_twice(self) -> bool:
        """Whether any hash came twice."""
        return bool(self._twice)

    def came_twice(self, item: str) -> bool:
        """Say whether the hash of an id came twice."""
        return hash(item) in self._twice

    def __len__(self) -> int:
        """Return how many hashes there are."""
        return len(self._recent) + len(self._ordered)
