"""Names of hosts are asked for once, and what they lead to is checked before anything connects to it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from featurizer.catalog.images.addresses import ForbiddenHost, is_public

LIFE: Final = 300.0
"""Seconds that an answer is kept for, and that a name is not known."""
MOST: Final = 10_000
"""Names that are kept; the oldest make room."""
AT_ONCE: Final = 64
"""Names that the system is asked for at once; one that nobody answers for takes a thread for many seconds."""

_Answer: TypeAlias = list[ResolveResult] | OSError | ForbiddenHost


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
        self._resolver = resolver or _system()
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


def _system() -> ThreadedResolver:
    """Return the system's resolver, with threads enough that names which nobody answers for hold up no others."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(AT_ONCE, "resolve"))
    return ThreadedResolver(loop)


def _lasts(failure: Exception) -> bool:
    """Tell a failure that says something of the name from one of who was asked."""
    known = isinstance(failure, socket.gaierror) and failure.errno != socket.EAI_AGAIN
    return known or isinstance(failure, ForbiddenHost)


def _public(result: ResolveResult) -> bool:
    try:
        return is_public(ipaddress.ip_address(result["host"]))
    except ValueError:
        return False
