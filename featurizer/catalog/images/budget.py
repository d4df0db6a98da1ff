"""How many bytes bodies hold at once: who wants more than there is waits, while the others get on."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TypeAlias

_Waiter: TypeAlias = "tuple[Lease, int, asyncio.Future[None]]"


class Budget:
    """Bytes to be taken in an event loop, and given back from any thread.

    Whoever waits is served in turn. Who holds some and wants more leaves half of it free, for that is held for longer.
    When all that is taken is held by those who wait for more, nobody would ever give anything back: then the first goes
    on all the same, alone, until it gives all back.
    """

    def __init__(self, most: int) -> None:
        """Prepare, within the event loop that takes from it."""
        self._most, self._loop, self._lock = most, asyncio.get_running_loop(), threading.Lock()
        self._used = self._stuck = 0
        self._ahead: Lease | None = None
        self._waiting: deque[_Waiter] = deque()

    def lease(self) -> Lease:
        """Return a share that holds nothing yet."""
        return Lease(self)

    def try_take(self, lease: Lease, size: int) -> bool:
        """Take at once, where nobody waits and there is enough."""
        with self._lock:
            if self._waiting or not self._fits(lease, size):
                return False
            self._used += size
        lease.size += size
        return True

    async def take(self, lease: Lease, size: int) -> None:
        """Take, and wait for it."""
        waiter = lease, size, self._loop.create_future()
        with self._lock:
            self._stuck += lease.size
            place = 0 if lease is self._ahead else len(self._waiting)
            self._waiting.insert(place, waiter)
        self._admit()
        try:
            await waiter[2]
        except BaseException:
            self._leave(waiter)
            raise

    def give(self, lease: Lease, size: int) -> None:
        """Give all back that a share holds."""
        with self._lock:
            self._used -= size
            if lease is self._ahead:
                self._ahead = None
            awaited = bool(self._waiting)
        if awaited and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._admit)

    def _leave(self, waiter: _Waiter) -> None:
        """Let one who was canceled wait no more, before the share is given back that it holds."""
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                self._stuck -= waiter[0].size
        self._admit()

    def _admit(self) -> None:
        with self._lock:
            while self._waiting:
                lease, size, turn = self._waiting[0]
                if not (turn.done() or self._may_go_on(lease, size)):
                    return
                self._waiting.popleft()
                self._stuck -= lease.size
                if not turn.done():  # who was canceled meanwhile wants nothing any more
                    self._used += size
                    lease.size += size
                    turn.set_result(None)

    def _fits(self, lease: Lease, size: int) -> bool:
        return self._used + size <= (self._most // 2 if lease.size else self._most)

    def _may_go_on(self, lease: Lease, size: int) -> bool:
        if lease is self._ahead or self._fits(lease, size):
            return True
        if self._ahead is None and self._used == self._stuck:
            self._ahead = lease
            return True
        return False


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
            self._budget.give(self, size)


class Room:
    """What one body holds: its first bytes of one budget, the rest of another: small ones wait for no large one.

    Of the first it takes a fixed share at once, which bounds how many bodies there are, of the other as it grows.
    """

    __slots__ = ("_first", "_rest", "_share")

    def __init__(self, share: int, first: Budget, rest: Budget) -> None:
        self._share, self._first, self._rest = share, first.lease(), rest.lease()

    @property
    def size(self) -> int:
        """Bytes that it has room for."""
        return self._first.size + self._rest.size

    def try_grow(self, to: int) -> bool:
        """Have room for `to` bytes, if that needs no waiting."""
        return self._first.try_grow(self._share) and self._rest.try_grow(to - self._share)

    async def grow(self, to: int) -> None:
        """Have room for `to` bytes, as soon as there is."""
        await self._first.grow(self._share)
        await self._rest.grow(to - self._share)

    def free(self) -> None:
        """Give all of it back."""
        self._first.free()
        self._rest.free()
