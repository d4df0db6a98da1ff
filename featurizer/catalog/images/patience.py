"""How long each try may take, and how long its server may say nothing: all are looked at together, ten times a second.

A timer each, set anew with every piece that comes, would cost more than reading the piece.
"""

from __future__ import annotations

import asyncio
from math import inf
from types import TracebackType
from typing import Final, Protocol, Self

EVERY: Final = 0.1
"""Seconds between two looks; a try may take so much longer than it should."""


class Heard(Protocol):
    """What a server speaks through.

    Attributes:
        heard_at: when it last said something, or was last asked, in seconds of the loop's clock.
    """

    heard_at: float


class Patience:
    """The limits of the tries that are under way, within one event loop."""

    def __init__(self, silence: float) -> None:
        """Prepare, within a running event loop.

        Args:
            silence: seconds that a server may say nothing.
        """
        self._loop, self._silence = asyncio.get_running_loop(), silence
        self._limits: set[Limit] = set()
        self._looking: asyncio.TimerHandle | None = None

    def limit(self, seconds: float) -> Limit:
        """Return a limit to the block that it is entered with: so many seconds."""
        return Limit(self, self._loop.time() + seconds)

    def begin(self, limit: Limit) -> None:
        """Watch a limit."""
        self._limits.add(limit)
        if self._looking is None:
            self._looking = self._loop.call_later(EVERY, self._look)

    def end(self, limit: Limit) -> None:
        """Watch it no more."""
        self._limits.discard(limit)

    def _look(self) -> None:
        now = self._loop.time()
        for limit in [limit for limit in self._limits if limit.is_over(now, self._silence)]:
            self._limits.discard(limit)
            limit.expire()
        self._looking = self._loop.call_later(EVERY, self._look) if self._limits else None


class Limit:
    """How long a block may take; when it is over, the block's task is told so by a TimeoutError (as `asyncio.timeout`).

    Attributes:
        deadline: in seconds of the loop's clock; `inf` while it is not the server that is waited for.
        server: who is listened to, where silence counts.
    """

    __slots__ = ("_before", "_expired", "_patience", "_task", "deadline", "server")

    def __init__(self, patience: Patience, deadline: float) -> None:
        self._patience, self.deadline = patience, deadline
        self.server: Heard | None = None
        self._expired, self._before = False, 0
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task is not None else 0
        self._patience.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patience.end(self)
        task, self._task = self._task, None
        if self._expired and task is not None:
            alone = task.uncancel() <= self._before
            if alone and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from error

    def is_over(self, now: float, silence: float) -> bool:
        """Tell whether the time is up, or the server has said nothing for too long."""
        if now >= self.deadline:
            return True
        server = self.server
        return server is not None and self.deadline < inf and now - server.heard_at >= silence

    def expire(self) -> None:
        """End the block."""
        if self._task is not None:
            self._expired = True
            self._task.cancel()
