"""Whose turn it is: hosts are served in turn, each as fast as it bears, and those that are dead are given up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from featurizer.catalog.images.options import FetchOptions

FIRST: Final = 8
"""Requests at once to a host that nothing is known of."""
LEAST_LOST: Final = 4.0
"""What hangs makes a host slower, but down to so many requests alone: a few that hang must not hold up the others."""
PATIENCE: Final = 4
"""A host that has answered before is given up after so many times the failures."""


@dataclass(slots=True)
class Pace:
    """How many requests a host bears at once: one more with every answer, half as many when it is overloaded.

    Until the first overload it grows by one an answer, from then on by one a round of answers (TCP's slow start and
    congestion avoidance, RFC 5681). Requests that were under way at a cut tell nothing that it has not told.
    """

    most: float
    limit: float
    steep: bool = True
    cut_at: float = float("-inf")

    def faster(self) -> None:
        """Take an answer into account."""
        self.limit = min(self.limit + (1 if self.steep else 1 / self.limit), self.most)

    def slower(self, *, begun: float, now: float, least: float = 1.0) -> None:
        """Take an overload into account.

        Args:
            begun: when the request began that was refused or lost, in seconds.
            now: likewise.
            least: no fewer than so many requests at once for this.
        """
        if begun >= self.cut_at:
            fewer = min(self.limit, max(least, self.limit / 2))
            self.limit, self.steep, self.cut_at = fewer, False, now


class Queued(Protocol):
    """What waits for a host."""

    @property
    def address(self) -> str:
        """What is asked for."""
        ...


JobT = TypeVar("JobT", bound=Queued)


@dataclass(slots=True)
class Host(Generic[JobT]):
    """One host: who waits for it, how many requests it has, and whether it is alive.

    Attributes:
        name: host and port.
        pace: how many at once.
        waiting: in the order of arrival.
        active: requests in flight.
        paused_until: seconds of the loop's clock; nothing is asked before.
        lost: addresses that brought no answer since the last one.
        lost_since: when the first of them failed.
        answered: whether it ever answered.
        refusals: how often in a row it asked to be left alone.
        refused_since: since when.
        down: given up.
        listed: whether it stands in the ring.
    """

    name: str
    pace: Pace
    waiting: deque[JobT] = field(default_factory=deque)
    active: int = 0
    paused_until: float = 0.0
    lost: set[str] = field(default_factory=set)
    lost_since: float = 0.0
    answered: bool = False
    refusals: int = 0
    refused_since: float = 0.0
    down: bool = False
    listed: bool = False

    def is_ready(self, now: float) -> bool:
        """Tell whether one more request may go out."""
        return bool(self.waiting) and self.active < int(self.pace.limit) and now >= self.paused_until


class Hosts(Generic[JobT]):
    """All hosts, and whose turn it is: one request each, around and around."""

    def __init__(self, options: FetchOptions, now: Callable[[], float]) -> None:
        self._options, self._now = options, now
        self._hosts: dict[str, Host[JobT]] = {}
        self._ring: deque[Host[JobT]] = deque()

    @property
    def has_turn(self) -> bool:
        """Whether some host may take a request."""
        return bool(self._ring)

    def of(self, name: str) -> Host[JobT]:
        """Return a host by name and port."""
        found = self._hosts.get(name)
        if found is None:
            most = self._options.per_host
            found = self._hosts[name] = Host(name, Pace(most, min(FIRST, most)))
        return found

    def add(self, host: Host[JobT], job: JobT, *, first: bool = False) -> None:
        """Queue a job, `first` before all that wait for that host."""
        (host.waiting.appendleft if first else host.waiting.append)(job)
        self.recall(host)

    def recall(self, host: Host[JobT]) -> bool:
        """Put a host into the ring again once it may take a request; tell whether it may."""
        ready = host.is_ready(self._now())
        if ready and not host.listed:
            host.listed = True
            self._ring.append(host)
        return ready

    def take(self) -> tuple[Host[JobT], JobT] | None:
        """Return the next job and count it as in flight; None where no host may take one."""
        now = self._now()
        while self._ring:
            host = self._ring.popleft()
            host.listed = False
            if host.is_ready(now):
                job = host.waiting.popleft()
                host.active += 1
                self.recall(host)
                return host, job
        return None

    def release(self, host: Host[JobT]) -> None:
        """Count a request as over."""
        host.active -= 1
        self.recall(host)

    def answered(self, host: Host[JobT]) -> None:
        """Note an answer, whatever it says."""
        host.answered = True
        if host.lost:
            host.lost.clear()

    def lost(self, host: Host[JobT], job: JobT, *, begun: float) -> list[JobT]:
        """Note a try without any answer; return those who wait, when the host is given up for it."""
        now = self._now()
        host.lost_since = host.lost_since if host.lost else now
        host.lost.add(job.address)
        host.pace.slower(begun=begun, now=now, least=LEAST_LOST)
        enough = self._options.give_up_after * (PATIENCE if host.answered else 1)
        lasted = now - min(host.lost_since, begun)
        if len(host.lost) < enough or lasted < self._options.give_up_seconds:
            return []
        return self._give_up(host)

    def served(self, host: Host[JobT]) -> None:
        """Note an answer that was no request to be left alone."""
        host.pace.faster()
        host.refusals = 0

    def pause(self, host: Host[JobT], seconds: float) -> list[JobT]:
        """Ask nothing of a host for so long; return those who wait, when it is given up for asking that too often."""
        now = self._now()
        if now >= host.paused_until:  # what was under way when it paused is no new refusal
            host.refused_since = host.refused_since if host.refusals else now
            host.refusals += 1
        host.paused_until = max(host.paused_until, now + seconds)
        lasted = now - host.refused_since
        patient = host.refusals <= self._options.give_up_after or lasted < self._options.retry.retry_after_max
        return [] if patient else self._give_up(host)

    def _give_up(self, host: Host[JobT]) -> list[JobT]:
        host.down = True
        waiting = list(host.waiting)
        host.waiting.clear()
        return waiting
