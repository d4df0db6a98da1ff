"""What fails at home: one's own network, and the files that a program may have open. No host is to blame for that."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, field
from typing import Final

from featurizer.catalog.images.reasons import causes_of
from featurizer.catalog.retry import RetryPolicy

UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
NO_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})
SEVERAL: Final = 2
"""Hosts that had answered must all at once be out of reach, for it to be the network."""


def out_of_reach(error: BaseException) -> bool:
    """Tell whether a try failed before anything was sent: there was no way to the host, or to a name server."""
    return any(
        cause.errno == socket.EAI_AGAIN if isinstance(cause, socket.gaierror) else cause.errno in UNREACHABLE
        for cause in causes_of(error)
        if isinstance(cause, OSError)
    )


def out_of_files(error: BaseException) -> bool:
    """Tell whether a try failed because the program, or the system, has too many files open."""
    return any(isinstance(cause, OSError) and cause.errno in NO_FILES for cause in causes_of(error))


@dataclass(slots=True)
class Network:
    """Whether one's own network is there: while that is in doubt, one request at a time asks, ever more seldom.

    Attributes:
        patience: seconds that it is waited for.
        retry: how long between two requests that ask.
        known: hosts that ever answered.
        lost: those of them that were out of reach since anybody answered.
        since: when the first of them was.
        probes: how often it was asked since.
        doubted_at: when that was last seen to be in vain.
        paused_until: nothing is asked before.
    """

    patience: float
    retry: RetryPolicy
    known: int = 0
    lost: set[str] = field(default_factory=set)
    since: float = 0.0
    probes: int = 0
    doubted_at: float = float("-inf")
    paused_until: float = float("-inf")

    @property
    def in_doubt(self) -> bool:
        """Whether only one may ask."""
        return self.probes > 0

    def answered(self, begun: float) -> None:
        """Note that somebody answered who was asked at that time; from before a failure, it tells nothing."""
        if self.lost and begun >= (self.doubted_at if self.in_doubt else self.since):
            self.lost.clear()
            self.probes, self.paused_until = 0, float("-inf")

    def failed(self, host: str | None, *, begun: float, now: float) -> bool:
        """Note that there was no way to a host; tell whether it is the network's fault.

        Args:
            host: its name, None if it never answered: there may be no such host.
            begun: when it was asked, in seconds.
            now: likewise.
        """
        if host is not None:
            self.since = self.since if self.lost else now
            self.lost.add(host)
        if len(self.lost) < max(1, min(SEVERAL, self.known)):
            return False
        if now - self.since > self.patience:
            self.probes, self.paused_until = 0, float("-inf")
            return False
        if begun >= self.doubted_at:
            self.paused_until = now + self.retry.back_off(self.probes)
            self.doubted_at = now
            self.probes += 1
        return True
