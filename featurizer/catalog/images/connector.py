"""Connections that are kept for the next picture, but no more of them than the system lets a program have open."""

from __future__ import annotations

import asyncio
import resource
from functools import partial
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey

from featurizer.catalog.images.options import FetchOptions

MOST_IDLE: Final = 1024
"""Connections kept that nobody uses at the moment, where the system sets no limit to open files."""
READ_AHEAD: Final = 2**16
"""Bytes of a body that are read before anybody asks for them."""
SHARE: Final = 4
"""Of the files that a program may have open, such connections get one in so many."""


class ListeningHandler(ResponseHandler):
    """Knows when its server last said something.

    Attributes:
        heard_at: in seconds of the loop's clock.
        idle: whether it is kept, and nothing is asked over it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Prepare for a connection."""
        super().__init__(loop)
        self.heard_at, self.idle = loop.time(), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Read no more at once than is read ahead: asyncio takes four times as much, whoever waits for room."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):  # as asyncio's own have, without TLS
            transport.max_size = READ_AHEAD

    def data_received(self, data: bytes) -> None:
        """Take what came; an answer that nobody asked for would be taken for that of the next picture."""
        if self.idle:
            self.close()
            return
        self.heard_at = self._loop.time()
        super().data_received(data)

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - as it is called
        """Go on where it was paused; aiohttp says so after every piece that is taken, paused or not."""
        if self._reading_paused:
            super().resume_reading(resume_parser)


def _listening(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return ListeningHandler(loop)


class SparingConnector(aiohttp.TCPConnector):
    """Closes the connection that was idle for longest when there are too many: of a thousand hosts each would keep one.

    aiohttp bounds what is in use, not what is idle.
    """

    def __init__(self, options: FetchOptions, resolver: AbstractResolver) -> None:
        """Prepare, within a running event loop.

        Args:
            options: how long a connection is kept.
            resolver: who is asked for names.

        Raises:
            RuntimeError: this version of aiohttp makes its connections in another way.
        """
        super().__init__(
            limit=0, resolver=resolver, use_dns_cache=False, keepalive_timeout=options.read_timeout
        )
        made = getattr(self, "_factory", lambda: None)()
        if type(made) is not ResponseHandler:
            raise RuntimeError(
                f"aiohttp {aiohttp.__version__} makes its connections in another way than 3.14, which pictures are "
                "fetched with. Install 'aiohttp>=3.14,<3.15'"
            )
        self._factory = partial(_listening, loop=asyncio.get_running_loop())
        self._idle: dict[ResponseHandler, None] = {}
        self._most_idle = most_idle()

    def _release(self, key: ConnectionKey, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        super()._release(key, protocol, should_close=should_close)
        self._idle.pop(protocol, None)
        if isinstance(protocol, ListeningHandler) and protocol.is_connected():
            protocol.idle = True
            self._idle[protocol] = None
            self.close_idle(self._most_idle)

    def close_idle(self, most: int = 0) -> int:
        """Close connections that are not in use until at most so many are left, those first that were longest idle.

        Return how many were closed.
        """
        closed = 0
        while len(self._idle) > most:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            if oldest not in self._acquired:
                closed += oldest.is_connected()
                oldest.close()
        return closed


def most_idle() -> int:
    """Return how many connections may lie idle: pictures in flight and files need their share too."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_IDLE if most == resource.RLIM_INFINITY else min(MOST_IDLE, most // SHARE)
