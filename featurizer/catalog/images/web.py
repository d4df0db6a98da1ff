"""One picture over HTTP: redirects checked one by one, its body bounded in bytes and time, every failure named."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from math import inf
from typing import Final, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from featurizer.catalog.images.addresses import check_literal, redirected
from featurizer.catalog.images.body import Body
from featurizer.catalog.images.budget import Room
from featurizer.catalog.images.client import Answer, Client
from featurizer.catalog.images.connector import SparingConnector
from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.images.patience import Limit, Patience
from featurizer.catalog.images.proxies import Proxies
from featurizer.catalog.images.reasons import causes_of, reason_of
from featurizer.catalog.images.resolver import CheckedResolver, SystemResolver
from featurizer.catalog.retry import FailedTry, retry_after, worth_retrying
from featurizer.errors import InputError
from featurizer.records import NOT_MODIFIED, Condition

logger = logging.getLogger(__name__)

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
STEP: Final = 2**18
"""Bytes that a body of unknown length is given room for at first."""
BRIEF: Final = 2**16
"""A refusal's body is read up to so many bytes, lest the connection be lost."""
UNWANTED: Final = 1.0
"""Seconds that it may take."""
UNHEARD: Final = 20
"""Tries through a proxy that never said anything, and it is given up."""
SEVERAL: Final = 3
"""Hosts that these must be of, where the proxy at least takes connections."""


class Received(NamedTuple):
    """What an address gave.

    Attributes:
        data: the body as it came.
        encoding: its Content-Encoding.
        etag: what the server calls this version of it.
        last_modified: since when it is so, as the server says.
    """

    data: bytes
    encoding: str = ""
    etag: str | None = None
    last_modified: str | None = None


@asynccontextmanager
async def open_web(
    options: FetchOptions, resolver: AbstractResolver | None, clock: Callable[[], float]
) -> AsyncIterator[Web]:
    """Open the connections that pictures come over, and close them in the end."""
    proxies = Proxies.of_environment()
    checked = CheckedResolver(allow_private=options.allow_private_hosts, resolver=resolver)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(checked.close)
        direct = proxied = SparingConnector(options, checked)
        stack.push_async_callback(direct.close)
        if proxies.by_scheme:
            proxied = SparingConnector(options, SystemResolver())
            stack.push_async_callback(proxied.close)
        yield Web(Client(direct, options), Client(proxied, options), proxies, options, clock)


class Web:
    """Fetches addresses, one try each."""

    def __init__(
        self,
        direct: Client,
        proxied: Client,
        proxies: Proxies,
        options: FetchOptions,
        clock: Callable[[], float],
    ) -> None:
        self._direct, self._proxied, self._proxies = direct, proxied, proxies
        self._options, self._clock = options, clock
        self._loop, self._patience = asyncio.get_running_loop(), Patience(options.read_timeout)
        self._first = min(options.head_timeout, options.total_timeout)
        self._asked_at: float | None = None
        self._heard = not proxies.by_scheme
        self._unheard: list[str] = []

    async def get(self, url: URL, room: Room, condition: Condition | None = None) -> Received:
        """Fetch one address, checked by `parse`.

        Args:
            url: where.
            condition: under which it is sent; `not_modified` where that does not hold.
            room: room for the body; the caller gives it back.

        Raises:
            FailedTry: it did not come, and why.
            InputError: nothing ever came through the proxy.
        """
        try:
            with self._patience.limit(self._first) as limit:
                return await self._follow(url, room, limit, _asking(condition))
        except FailedTry:
            raise
        except Exception as error:
            if not self._heard:
                self._note_silence(url, error)
            reason, transient = reason_of(error)
            _forget_frames(error)
            raise FailedTry(reason, transient=transient) from error

    def close_idle(self) -> int:
        """Close the connections that are not in use, for others need the files; return how many."""
        return sum(client.connector.close_idle() for client in (self._direct, self._proxied))

    async def _follow(self, url: URL, room: Room, limit: Limit, asking: Mapping[str, str]) -> Received:
        deadline = self._loop.time() + self._options.total_timeout
        for hop in range(self._options.max_redirects + 1):
            if hop:
                limit.server = None
                limit.deadline = min(deadline, self._loop.time() + self._options.head_timeout)
            refused = check_literal(url, allow_private=self._options.allow_private_hosts)
            if refused is not None:
                raise FailedTry(refused)
            with await self._ask(url, limit, asking) as answer:
                limit.deadline = deadline
                location = answer.headers.get("Location") if answer.status in REDIRECTS else None
                if location is None:
                    if answer.status == 304 and asking:
                        raise FailedTry(NOT_MODIFIED)
                    return await self._receive(answer, room, limit)
                await _read_up(answer, limit)
                following = redirected(url, location)
            if following is None:
                raise FailedTry("bad_url")
            url = following
        raise FailedTry("too_many_redirects")

    async def _ask(self, url: URL, limit: Limit, asking: Mapping[str, str]) -> Answer:
        proxy = self._proxies.of(url) if self._proxies.by_scheme else None
        if proxy is None:
            return await self._direct.get(url, limit, asking)
        if self._asked_at is None:
            self._asked_at = self._loop.time()
            logger.warning("%s", proxy.notice)
        answer = await self._proxied.get(url, limit, asking, proxy)
        self._heard = True
        return answer

    def _note_silence(self, url: URL, error: Exception) -> None:
        """Give up a proxy that never says anything; that of one host nothing comes may be that host's fault."""
        proxy = self._proxies.of(url)
        if proxy is None or self._asked_at is None:
            return
        if isinstance(error, aiohttp.ClientHttpProxyError):
            self._heard = True
            return
        self._unheard.append(url.raw_host or "")
        hosts, lasted = set(self._unheard), self._loop.time() - self._asked_at
        certain = isinstance(error, aiohttp.ClientProxyConnectionError) or len(hosts) >= SEVERAL
        if certain and len(self._unheard) >= UNHEARD and lasted >= self._options.give_up_seconds:
            raise InputError(
                f"nothing came through the proxy {proxy.url}: {len(self._unheard)} times in {lasted:.0f} s pictures of "
                f"{len(hosts)} hosts were asked for, the last time with {error!r}. Correct HTTP_PROXY and HTTPS_PROXY, "
                "or unset them; hosts that need no proxy go into NO_PROXY"
            ) from error

    async def _receive(self, answer: Answer, room: Room, limit: Limit) -> Received:
        if not 200 <= answer.status < 300:
            await _read_up(answer, limit)
            raise self._refusal(answer)
        headers = answer.headers
        return Received(
            await self._body(answer, room, limit),
            headers.get("Content-Encoding", ""),
            _text(headers.get("ETag")),
            _text(headers.get("Last-Modified")),
        )

    def _refusal(self, answer: Answer) -> FailedTry:
        policy = self._options.retry
        told = retry_after(answer.headers.get("Retry-After"), now=self._clock(), at_most=inf)
        return FailedTry(
            f"http_{answer.status}",
            transient=worth_retrying(answer.status) and (told or 0.0) <= policy.hopeless,
            wait=None if told is None else min(told, policy.retry_after_max),
        )

    async def _body(self, answer: Answer, room: Room, limit: Limit) -> bytes:
        options, content, promised = self._options, answer.content, answer.promised
        if promised is not None and promised > options.max_bytes:
            raise FailedTry("too_large")
        await self._grow(room, max(options.share, STEP if promised is None else promised), limit)
        begun = self._loop.time()
        body = Body()
        while not content.at_eof():
            piece = await content.readany()
            body.add(piece)
            size = body.size
            if size > options.max_bytes:
                raise FailedTry("too_large")
            if size > room.size:
                begun += await self._grow(room, min(2 * size, options.max_bytes), limit)
            lasted = self._loop.time() - begun
            if lasted > options.slow_start and size < lasted * options.slowest:
                raise FailedTry("timeout", transient=True)
        return body.whole()

    async def _grow(self, room: Room, to: int, limit: Limit) -> float:
        """Wait for room; return the seconds that it took, which are not the server's."""
        if room.try_grow(to):
            return 0.0
        deadline, begun = limit.deadline, self._loop.time()
        limit.deadline = inf
        await room.grow(to)
        waited = self._loop.time() - begun
        limit.deadline = deadline + waited
        if limit.server is not None:
            limit.server.heard_at += waited
        return waited


def _forget_frames(error: BaseException) -> None:
    """Forget what an error went through: in rings of errors and frames buffers would stay, of TLS 256 KiB each."""
    for cause in causes_of(error):
        cause.__traceback__ = None


def _asking(condition: Condition | None) -> dict[str, str]:
    """Return the headers that ask for a picture only if it is another than the known one."""
    if condition is None:
        return {}
    told = {"If-None-Match": condition.etag, "If-Modified-Since": condition.last_modified}
    return {name: value for name, value in told.items() if value is not None}


async def _read_up(answer: Answer, limit: Limit) -> None:
    """Read a short body that nobody wants, so that the connection can be used again; if it breaks off, never mind."""
    if answer.content.is_eof() or (answer.promised or BRIEF) >= BRIEF:
        return
    limit.deadline = inf
    with suppress(aiohttp.ClientError, OSError):  # a TimeoutError is one
        async with asyncio.timeout(UNWANTED):
            await answer.content.read()


def _text(told: str | None) -> str | None:
    """Return a header as text that any file can hold; bytes that are no UTF-8 stand in it as half surrogates."""
    return None if told is None else told.encode("utf-8", "backslashreplace").decode()
