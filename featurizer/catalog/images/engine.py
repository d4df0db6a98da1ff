"""The requests in flight: taken in turn from the hosts, tried again later where that may help, handed on at the end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from yarl import URL

from featurizer.catalog.images.budget import Budget, Room
from featurizer.catalog.images.hosts import LONGER, Host, Hosts, Pace
from featurizer.catalog.images.network import Network, out_of_files, out_of_reach
from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.images.web import Received, Web
from featurizer.catalog.retry import FailedTry
from featurizer.records import OK, Condition

HOST_DOWN = "host_down"
BUSY = frozenset({"http_429", "http_503"})
"""What a host says that has too much to do."""
SEVERAL = 3
"""Addresses that a host refuses: then it is not one of them that it does not like."""
MOST_REFUSALS = 4
"""A picture is asked for so many times the usual tries, while its host gets on with others."""
UNANSWERED = frozenset({"connection", "timeout", "dns_busy"})
"""What a try ends with when nobody answered."""
UNASKED = frozenset({"forbidden_host", "dns", "tls", "proxy"})
"""And where nobody answered either, but no host is to blame for being slow or gone."""

MOST_HANGING = 4
"""So many times the usual requests may be in flight, when the others hang."""

AskT = TypeVar("AskT")


@dataclass(slots=True, eq=False)
class Job(Generic[AskT]):
    """One address, and all who ask for it.

    Attributes:
        address: as it is told.
        url: what is asked for, as `parse` has it, as text: while it waits a `URL` would take as much as all the rest.
        condition: under which.
        host: whose it is.
        asks: who is told what came.
        tries: so far.
        spent: of these, those that count: there are only so many.
        reason: what the last one ended with.
        served: what the host had served when it last refused this; None if it never did.
        hangs: whether the one under way has been for long.
        first: Unix time of the first one.
        last: likewise of the last one.
    """

    address: str
    url: str
    condition: Condition | None
    host: Host[Job[AskT]]
    asks: list[AskT] = field(default_factory=list)
    tries: int = 0
    spent: int = 0
    reason: str = ""
    served: int | None = None
    hangs: bool = False
    first: float | None = None
    last: float | None = None


EMPTY = Received(b"")
Deliver: TypeAlias = Callable[[Job[AskT], str, Received, Room], None]
"""Told how a job ended: `ok` or the reason, what came, and the room that it takes, which is to be given back."""


class Engine(Generic[AskT]):
    """Runs jobs in the event loop that it is made in."""

    def __init__(
        self,
        web: Web,
        options: FetchOptions,
        deliver: Deliver[AskT],
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        """Prepare.

        Args:
            web: brings one address.
            options: how many at once, how often.
            deliver: told how each job ended; quick, and does not raise.
            clock: Unix time in seconds.
            jitter: random numbers from 0 to 1.
        """
        self._web, self._options, self._deliver = web, options, deliver
        self._clock, self._jitter = clock, jitter
        self._loop = asyncio.get_running_loop()
        self._hosts: Hosts[Job[AskT]] = Hosts(options, self._loop.time, self._recall_at)
        self._network = Network(LONGER * options.give_up_seconds, options.retry)
        self._first, self._rest = Budget(options.max_held // 2), Budget(options.max_held // 4)
        most = MOST_HANGING * options.concurrency
        self._pace = Pace(most, most, steep=False)
        self._idle: deque[asyncio.Future[None]] = deque()
        self._in_flight: dict[Job[AskT], float] = {}
        self._workers = self._wanted = 0
        self._known: dict[tuple[str, Condition | None], Job[AskT]] = {}

    async def run(self) -> None:
        """Work until canceled.

        Raises:
            InputError: nothing ever came through the proxy.
        """
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._hire(group)
                    await asyncio.sleep(self._options.hang / 2)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def _hire(self, group: asyncio.TaskGroup) -> None:
        """Have as many workers as there may be requests: one that hangs does not count, up to a limit."""
        options, since = self._options, self._loop.time() - self._options.hang
        hanging = [job for job, begun in self._in_flight.items() if begun <= since]
        for job in hanging:
            if not job.hangs:
                job.hangs = True
                self._hosts.hangs(job.host)
        self._wanted = options.concurrency + min(len(hanging), (MOST_HANGING - 1) * options.concurrency)
        self._wake()
        while self._workers < self._wanted:
            self._workers += 1
            group.create_task(self._work())

    def add(self, asked: Iterable[tuple[str, URL, Condition | None, AskT]]) -> None:
        """Ask for addresses; one that is asked for already is not asked for twice."""
        for address, url, condition, ask in asked:
            job = self._known.get((address, condition))
            if job is not None:
                job.asks.append(ask)
                continue
            host = self._hosts.of(f"{url.raw_host}:{url.port}")
            host.jobs += 1
            text = str(url)
            kept = address if text == address else text
            job = self._known[address, condition] = Job(address, kept, condition, host, [ask])
            if host.down:
                self._end(job, HOST_DOWN)
            else:
                self._hosts.add(host, job)
        self._wake()

    def abandoned(self) -> list[AskT]:
        """Return who still waits for an answer; none will come."""
        return [ask for job in self._known.values() for ask in job.asks]

    def _wake(self) -> None:
        """Set one worker to work, where there is any; it wakes the next."""
        while self._idle and self._hosts.has_turn and self._has_room:
            waiting = self._idle.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return

    @property
    def _has_room(self) -> bool:
        """Whether one more request may go out."""
        network = self._network
        if network.in_doubt and (
            self._loop.time() < network.paused_until
            or any(begun >= network.doubted_at for begun in self._in_flight.values())
        ):
            return False
        return len(self._in_flight) < int(self._pace.limit)

    async def _work(self) -> None:
        while self._workers <= self._wanted:
            taken = self._hosts.take() if self._has_room else None
            if taken is None:
                turn = self._loop.create_future()
                self._idle.append(turn)
                await turn
                continue
            self._wake()
            host, job = taken
            begun = self._in_flight[job] = self._loop.time()
            try:
                await self._try(host, job, begun)
            finally:
                del self._in_flight[job]
                self._hosts.release(host, hung=job.hangs)
                job.hangs = False
        self._workers -= 1
        self._wake()

    def _room(self) -> Room:
        return Room(self._options.share, self._first, self._rest)

    async def _try(self, host: Host[Job[AskT]], job: Job[AskT], begun: float) -> None:
        room = self._room()
        job.tries += 1
        job.last = self._clock()
        job.first = job.first or job.last
        try:
            received = await self._web.get(URL(job.url, encoded=True), room, job.condition)
        except FailedTry as failed:
            room.free()
            if not out_of_files(failed) or not await self._ask_fewer(host, job, begun):
                self._failed(host, job, failed, begun)
        except BaseException:
            room.free()
            raise
        else:
            self._answered(host, begun)
            self._hosts.served(host)
            self._pace.faster()
            self._end(job, OK, received, room)

    async def _ask_fewer(self, host: Host[Job[AskT]], job: Job[AskT], begun: float) -> bool:
        """Make do with fewer connections than were wanted: that too many files are open is not the host's fault.

        Return whether that may help.
        """
        closed, in_flight = self._web.close_idle(), len(self._in_flight)
        if not closed and in_flight == 1:
            return False
        self._pace.limit = min(self._pace.limit, in_flight)
        self._pace.slower(begun=begun, now=self._loop.time())
        await asyncio.sleep(0)  # they are closed in the loop's next round
        job.tries -= 1
        self._hosts.add(host, job, first=True)
        return True

    def _answered(self, host: Host[Job[AskT]], begun: float) -> None:
        self._network.known += not host.answered
        self._network.answered(begun)
        self._hosts.answered(host)

    def _failed(self, host: Host[Job[AskT]], job: Job[AskT], failed: FailedTry, begun: float) -> None:
        job.reason = failed.reason
        if failed.reason in UNANSWERED:
            counts = not self._is_no_ones_fault(host, job, failed, begun)
        elif failed.reason in UNASKED:
            counts = True
        else:
            self._answered(host, begun)
            counts = not self._heed(host, job, failed, begun)
        if not failed.transient or host.down:
            self._end(job, failed.reason)
        elif failed.reason in UNANSWERED and not counts:
            self._hosts.add(host, job)  # the last of them: another may have more luck
        else:
            self._retry(host, job, failed, counts=counts)

    def _is_no_ones_fault(
        self, host: Host[Job[AskT]], job: Job[AskT], failed: FailedTry, begun: float
    ) -> bool:
        """Note that nobody answered; tell whether that is the network's fault, or the host's, and not the address'."""
        network, now = self._network, self._loop.time()
        known = host.name if host.answered else None
        if out_of_reach(failed) and network.failed(known, begun=begun, now=now):
            self._loop.call_at(network.paused_until + 0.001, self._wake)
            return True
        if out_of_files(failed):
            return False
        for waiting in self._hosts.lost(host, job, begun=begun):
            self._end(waiting, waiting.reason or HOST_DOWN)
        return host.in_doubt

    def _retry(self, host: Host[Job[AskT]], job: Job[AskT], failed: FailedTry, *, counts: bool) -> None:
        policy = self._options.retry
        job.spent += counts
        if job.spent >= policy.attempts:
            self._end(job, failed.reason)
            return
        own = policy.back_off(max(job.spent - 1, 0)) + policy.wait_jitter * self._jitter()
        self._loop.call_later(max(own, failed.wait or 0.0), self._again, host, job)

    def _heed(self, host: Host[Job[AskT]], job: Job[AskT], failed: FailedTry, begun: float) -> bool:
        """Slow down for a host that says it has too much to do; tell whether it gets on with others meanwhile."""
        if failed.reason not in BUSY:
            self._hosts.served(host)
            return False
        before, job.served = job.served, host.served
        alone = before is not None and host.served > before
        for waiting in self._hosts.refused(host, job, begun=begun, alone=alone):
            self._end(waiting, waiting.reason or HOST_DOWN)
        if failed.wait and not host.down:
            # Who asks for hours cannot be waited for: whether that is meant for all, the next request tells.
            wait = failed.wait if failed.transient else self._options.retry.back_off(host.refusals)
            for waiting in self._hosts.pause(host, wait):
                self._end(waiting, waiting.reason or HOST_DOWN)
        return (
            host.served > (before or 0)
            and len(host.refused) >= SEVERAL
            and job.tries < MOST_REFUSALS * self._options.retry.attempts
        )

    def _recall_at(self, when: float, host: Host[Job[AskT]]) -> None:
        self._loop.call_at(when + 0.001, self._resume, host)

    def _resume(self, host: Host[Job[AskT]]) -> None:
        if self._hosts.recall(host):
            self._wake()

    def _again(self, host: Host[Job[AskT]], job: Job[AskT]) -> None:
        if host.down:
            self._end(job, job.reason)
            return
        # What the host had too much to do for goes last: it may be the only one that it refuses.
        self._hosts.add(host, job, first=job.reason not in BUSY)
        self._wake()

    def _end(self, job: Job[AskT], status: str, received: Received = EMPTY, room: Room | None = None) -> None:
        del self._known[job.address, job.condition]
        self._hosts.ended(job.host)
        self._deliver(job, status, received, room or self._room())
