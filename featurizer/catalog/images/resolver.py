"""Names of hosts are asked for once, and what they lead to is checked before anything connects to it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias, TypeVar

from aiohttp.abc import AbstractResolver, ResolveResult

from featurizer.catalog.images.addresses import ForbiddenHost, is_public

LIFE: Final = 300.0
"""Seconds that an answer is kept for, and that a name is not known."""
MOST: Final = 10_000
"""Names that are kept; the oldest make room."""
AT_ONCE: Final = 64
"""Names that the system is asked for at once; one that nobody answers for takes a thread for many seconds."""

_Answer: TypeAlias = list[ResolveResult] | OSError | ForbiddenHost

_AnyT = TypeVar("_AnyT")


class CheckedResolver(AbstractResolver):
    """Resolves a name once, and hands the connector only addresses that are public.

    A name with any address in one's own network is refused as a whole: the connector may take any of them. What was
    checked is what is connected to, so that a name that answers otherwise the next time gains nothing. A connector asks
    for names alone, never for numbers: those are for `check_literal`. It must keep no names of its own
    (`use_dns_cache=False`).
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolver: AbstractResolver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to resolve, within a running event loop.

        Args:
            allow_private: hand out every address.
            resolver: who is asked; None for the system.
            clock: seconds, for how long an answer is kept.
        """
        self._allow_private, self._clock = allow_private, clock
        self._resolver = resolver or SystemResolver()
        self._asked: dict[tuple[str, int], tuple[float, asyncio.Task[_Answer]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name.

        Raises:
            ForbiddenHost: one of them is not public.
            OSError: there are none, or nobody can be asked.
        """
        now, key = self._clock(), (host, int(family))
        until, asking = self._asked.get(key, (now, None))
        if asking is None or now >= until:
            asking = asyncio.create_task(self._ask(host, family))
            self._asked.pop(key, None)
            self._asked[key] = (now + LIFE, asking)
            if len(self._asked) > MOST:
                self._asked.pop(next(iter(self._asked)))
        answer = await asyncio.shield(asking)
        if not isinstance(answer, Exception):
            return [{**result, "port": port} for result in answer]
        if not _lasts(answer) and self._asked.get(key, (now, None))[1] is asking:
            del self._asked[key]  # the next try asks anew
        raise answer.with_traceback(None)

    async def _ask(self, host: str, family: socket.AddressFamily) -> _Answer:
        """Return the answer or the failure: whoever asked may have gone by the time that it comes."""
        try:
            results = await self._resolver.resolve(host, 0, family)
        except OSError as error:
            return error
        except UnicodeError as error:  # the system's encoder of names finds it too long
            return socket.gaierror(socket.EAI_NONAME, str(error))
        if not results:
            return socket.gaierror(socket.EAI_NONAME, f"{host} has no address")
        refused = [] if self._allow_private else [result["host"] for result in results if not _public(result)]
        if refused:
            return ForbiddenHost(f"{host} leads to {refused[0]}, which is not public")
        return results

    async def close(self) -> None:
        """Let go of what is still being asked."""
        for _, asking in self._asked.values():
            asking.cancel()
        self._asked.clear()
        await self._resolver.close()


class SystemResolver(AbstractResolver):
    """Asks the system, for each name in a thread of its own: nobody waits for a lookup once the run is over."""

    def __init__(self) -> None:
        """Prepare to ask, within a running event loop."""
        self._loop, self._room = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return what the system knows of a name."""
        async with self._room:
            found: asyncio.Future[list[ResolveResult]] = self._loop.create_future()
            look = partial(self._look, found, host, port, family)
            threading.Thread(target=look, name="resolve", daemon=True).start()
            return await found

    def _look(
        self, found: asyncio.Future[list[ResolveResult]], host: str, port: int, family: socket.AddressFamily
    ) -> None:
        try:
            tell = partial(_set, found.set_result, _ask_system(host, port, family))
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            tell = partial(_set, found.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(tell)

    async def close(self) -> None:
        """Do nothing: a lookup under way ends of its own accord."""


def _set(tell: Callable[[_AnyT], None], what: _AnyT) -> None:
    with suppress(asyncio.InvalidStateError):  # who waited has gone
        tell(what)


def _ask_system(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    told = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=str(address[0]) if len(address) < 4 or not address[3] else f"{address[0]}%{address[3]}",
            port=int(address[1]),
            family=kind,
            proto=proto,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, proto, _, address in told
        if kind in (socket.AF_INET, socket.AF_INET6) and isinstance(address[0], str)
    ]


def _lasts(failure: Exception) -> bool:
    """Tell a failure that says something of the name from one of who was asked."""
    known = isinstance(failure, socket.gaierror) and failure.errno != socket.EAI_AGAIN
    return known or isinstance(failure, ForbiddenHost)


def _public(result: ResolveResult) -> bool:
    try:
        return is_public(ipaddress.ip_address(result["host"]))
    except ValueError:
        return False
