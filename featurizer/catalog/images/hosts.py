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
MOST_HANGING: Final = 3
"""So many that hang are not counted: a slow host gets no more than these on top of what it bears."""
PATIENCE: Final = 4
"""A host that has answered before is given up after so many times the failures."""
LONGER: Final = 12
"""And when they have lasted so many times as long."""
SHORTEST: Final = 0.1
"""Seconds between two requests to a host to which one at a time is too many, at first."""
GROWN: Final = 2.0
"""Every refusal makes that so much longer."""
GROWN_ALONE: Final = 1.25
"""Of an address that was refused before, while others were served since: that may be about that one."""
EASED: Final = 0.8
"""Every answer makes that so much shorter."""
MOST_KNOWN: Final = 1000
"""Hosts that are remembered although nothing is asked of them any more."""


@dataclass(slots=True)
class Pace:
    """How many requests a host bears at once: one more with every answer, half as many when it is overloaded.

    Until the first overload it grows by one an answer, from then on by one a round of answers (TCP's slow start and
    congestion avoidance, RFC 5681). Requests that were under way at a cut tell nothing that it has not told. Where one
    at a time is too many, there are seconds between them.

    Attributes:
        most: at once, however well it goes.
        limit: at once.
        steep: whether there was no overload yet.
        cut_at: when the last cut was, in seconds.
        interval: seconds between two requests.
    """

    most: float
    limit: float
    steep: bool = True
    cut_at: float = float("-inf")
    interval: float = 0.0

    def faster(self) -> None:
        """Take an answer into account."""
        if self.interval:
            self.interval = self.interval * EASED if self.interval > SHORTEST / 2 else 0.0
            return
        self.limit = min(self.limit + (1 if self.steep else 1 / self.limit), self.most)

    def refused(self, *, begun: float, now: float, longest: float, growth: float) -> None:
        """Take into account that a host says it has too much to do.

        Args:
            begun: when the request began that was refused, in seconds.
            now: likewise.
            longest: the most seconds between two requests.
            growth: so many times as long as it was it becomes.
        """
        if begun >= self.cut_at and int(self.limit) == 1:
            self.interval = min(max(growth * self.interval, SHORTEST), longest)
        self.slower(begun=begun, now=now)

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
        hanging: of these, those that have been for long.
        paused_until: seconds of the loop's clock; nothing is asked before.
        lost: addresses that brought no answer since the last one.
        lost_since: when the first of them failed.
        in_doubt: whether so many failed that one request at a time asks whether it is alive.
        probes: how many asked in vain.
        doubted_at: when the last one failed.
        probe_at: when the next one may go.
        answered: whether it ever answered.
        refusals: how often in a row it asked to be left alone.
        refused_since: since when.
        refused: addresses that it had too much to do for, lately.
        unserved: those since the last answer that was no such refusal.
        unserved_since: when the first of them was refused.
        served: answers that were no such refusal.
        next_at: when the next request may go, for the interval between two.
        alarm: when it is looked at again.
        jobs: that are not ended.
        down: given up.
        listed: whether it stands in the ring.
    """

    name: str
    pace: Pace
    waiting: deque[JobT] = field(default_factory=deque)
    active: int = 0
    hanging: int = 0
    paused_until: float = 0.0
    lost: set[str] = field(default_factory=set)
    lost_since: float = 0.0
    in_doubt: bool = False
    probes: int = 0
    doubted_at: float = float("-inf")
    probe_at: float = 0.0
    answered: bool = False
    refusals: int = 0
    refused_since: float = 0.0
    refused: set[str] = field(default_factory=set)
    unserved: set[str] = field(default_factory=set)
    unserved_since: float = 0.0
    served: int = 0
    next_at: float = 0.0
    alarm: float = 0.0
    jobs: int = 0
    down: bool = False
    listed: bool = False

    def is_ready(self, now: float) -> bool:
        """Tell whether one more request may go out."""
        return bool(self.waiting) and self.has_room and now >= self.not_before

    @property
    def has_room(self) -> bool:
        """Whether it bears one request more."""
        if self.in_doubt:
            return not self.active
        counted = self.active - min(self.hanging, MOST_HANGING)
        return counted < int(self.pace.limit) and self.active < self.pace.most

    @property
    def not_before(self) -> float:
        """When the next request may go out."""
        return max(self.paused_until, self.next_at, self.probe_at)

    @property
    def is_plain(self) -> bool:
        """Whether nothing is to be remembered of it."""
        return not (
            self.jobs or self.down or self.lost or self.refusals or self.unserved or self.pace.interval
        )


class Hosts(Generic[JobT]):
    """All hosts, and whose turn it is: one request each, around and around."""

    def __init__(
        self,
        options: FetchOptions,
        now: Callable[[], float],
        later: Callable[[float, Host[JobT]], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            options: how many at once, how patient.
            now: seconds.
            later: told when a host is to be recalled that may not take a request before.
        """
        self._options, self._now, self._later = options, now, later
        self._hosts: dict[str, Host[JobT]] = {}
        self._ring: deque[Host[JobT]] = deque()

    @property
    def has_turn(self) -> bool:
        """Whether some host may take a request."""
        return bool(self._ring)

    @property
    def known(self) -> int:
        """How many are remembered."""
        return len(self._hosts)

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
        """Put a host into the ring again once it may take a request; tell whether it stands there."""
        if host.listed or not host.waiting:
            return host.listed
        now, at = self._now(), host.not_before
        if now < at:
            if at != host.alarm and self._later is not None:
                host.alarm = at
                self._later(at, host)
        elif host.has_room:
            host.listed = True
            self._ring.append(host)
        return host.listed

    def take(self) -> tuple[Host[JobT], JobT] | None:
        """Return the next job and count it as in flight; None where no host may take one."""
        now = self._now()
        while self._ring:
            host = self._ring.popleft()
            host.listed = False
            if host.is_ready(now):
                job = host.waiting.popleft()
                host.active += 1
                host.next_at = now + host.pace.interval
                self.recall(host)
                return host, job
            self.recall(host)
        return None

    def hangs(self, host: Host[JobT]) -> None:
        """Note that a request has been in flight for long: another may go beside it."""
        host.hanging += 1
        self.recall(host)

    def release(self, host: Host[JobT], *, hung: bool = False) -> None:
        """Count a request as over; `hung` says whether it had been noted to hang."""
        host.active -= 1
        host.hanging -= hung
        self.recall(host)

    def ended(self, host: Host[JobT]) -> None:
        """Count a job as ended; a host of which nothing is to be remembered is forgotten, where there are many."""
        host.jobs -= 1
        if self.known > MOST_KNOWN and host.is_plain and host.paused_until <= self._now():
            self._hosts.pop(host.name, None)

    def answered(self, host: Host[JobT]) -> None:
        """Note an answer, whatever it says."""
        host.answered = True
        if host.lost:
            host.lost.clear()
            host.in_doubt, host.probes, host.probe_at = False, 0, 0.0

    def lost(self, host: Host[JobT], job: JobT, *, begun: float) -> list[JobT]:
        """Note a try without any answer; return those who wait, when the host is given up for it."""
        now = self._now()
        host.lost_since = host.lost_since if host.lost else now
        host.lost.add(job.address)
        host.pace.slower(begun=begun, now=now, least=LEAST_LOST)
        patience, longer = (PATIENCE, LONGER) if host.answered else (1, 1)
        if len(host.lost) < self._options.give_up_after * patience:
            return []
        if now - min(host.lost_since, begun) >= self._options.give_up_seconds * longer:
            return self._give_up(host)
        if begun >= host.doubted_at:  # what was under way then tells nothing new
            host.in_doubt, host.doubted_at = True, now
            host.probe_at = now + self._options.retry.back_off(host.probes)
            host.probes += 1
        return []

    def served(self, host: Host[JobT]) -> None:
        """Note an answer that was no request to be left alone."""
        host.pace.faster()
        host.refusals = 0
        host.served += 1
        host.unserved.clear()
        if not host.pace.interval:
            host.refused.clear()

    def refused(self, host: Host[JobT], job: JobT, *, begun: float, alone: bool = False) -> list[JobT]:
        """Note that a host has too much to do; return those who wait, when it is given up for that.

        Args:
            host: the host.
            job: what it refused.
            begun: when that was asked for.
            alone: whether it had refused that before, and served others since: then it may be about that one.
        """
        now = self._now()
        host.refused.add(job.address)
        growth = GROWN_ALONE if alone else GROWN
        host.pace.refused(begun=begun, now=now, longest=self._options.retry.wait_max, growth=growth)
        host.unserved_since = host.unserved_since if host.unserved else now
        host.unserved.add(job.address)
        refusals, lasted = len(host.unserved), now - host.unserved_since
        if refusals == host.jobs:  # all that is left
            refusals = max(refusals, self._options.give_up_after + 1)
        return [] if self._is_patient(refusals, lasted) else self._give_up(host)

    def _is_patient(self, refusals: int, lasted: float) -> bool:
        """Tell whether a host may go on refusing."""
        return refusals <= self._options.give_up_after or lasted < self._options.retry.retry_after_max

    def pause(self, host: Host[JobT], seconds: float) -> list[JobT]:
        """Ask nothing of a host for so long; return those who wait, when it is given up for asking that too often.

        Of a host that has answered since it last asked for that, it may be meant for one address alone: then it rests
        for a moment, and for so long when the next is refused too.
        """
        now = self._now()
        if host.served and not host.refusals:
            seconds = min(seconds, self._options.retry.back_off(0))
        if now >= host.paused_until:  # what was under way when it paused is no new refusal
            host.refused_since = host.refused_since if host.refusals else now
            host.refusals += 1
        host.paused_until = max(host.paused_until, now + seconds)
        patient = self._is_patient(host.refusals, now - host.refused_since)
        return [] if patient else self._give_up(host)

    def _give_up(self, host: Host[JobT]) -> list[JobT]:
        host.down = True
        waiting = list(host.waiting)
        host.waiting.clear()
        return waiting
