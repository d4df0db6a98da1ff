"""How many bytes bodies hold at once: who wants more than there is waits, while the others get on."""

from __future__ import annotations

import asyncio
import threading
from collections import deque


class Budget:
    """Bytes to be taken in an event loop, and given back from any thread.

    Whoever waits is served in turn. When all that is taken is held by those who wait for more, nobody would ever give
    anything back: then the first goes on all the same.
    """

    def __init__(self, most: int) -> None:
        """Prepare, within the event loop that takes from it."""
        self._most, self._loop, self._lock = most, asyncio.get_running_loop(), threading.Lock()
        self._used = self._stuck = 0
        self._waiting: deque[tuple[Lease, int, asyncio.Future[None]]] = deque()

    def lease(self) -> Lease:
        """Return a share that holds nothing yet."""
        return Lease(self)

    def try_take(self, lease: Lease, size: int) -> bool:
        """Take at once, where nobody waits and there is enough."""
        with self._lock:
            if self._waiting or self._used + size > self._most:
                return False
            self._used += size
        lease.size += size
        return True

    async def take(self, lease: Lease, size: int) -> None:
        """Take, and wait for it."""
        turn = self._loop.create_future()
        with self._lock:
            self._stuck += lease.size
            self._waiting.append((lease, size, turn))
        self._admit()
        await turn

    def give(self, size: int) -> None:
        """Give back."""
        with self._lock:
            self._used -= size
            awaited = bool(self._waiting)
        if awaited and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._admit)

    def _admit(self) -> None:
        with self._lock:
            while self._waiting:
                lease, size, turn = self._waiting[0]
                if not turn.done() and self._used + size > self._most and self._used > self._stuck:
                    return
                self._waiting.popleft()
                self._stuck -= lease.size
                if not turn.done():  # who was canceled meanwhile wants nothing any more
                    self._used += size
                    lease.size += size
                    turn.set_result(None)


class Lease:
    """What one body holds of a budget; given back once, from any thread."""

    __slots__ = ("_budget", "size")

    def __init__(self, budget: Budget) -> None:
        self._budget, self.size = budget, 0

    def try_grow(self, to: int) -> bool:
        """Hold `to` bytes in all, if that needs no waiting."""
        return to <= self.size or self._budget.try_take(self, to - self.size)

    async def grow(self, to: int) -> None:
        """Hold `to` bytes in all, as soon as there are so many."""
        if not self.try_grow(to):
            await self._budget.take(self, to - self.size)

    def free(self) -> None:
        """Give all of it back."""
        size, self.size = self.size, 0
        if size:
            self._budget.give(size)
