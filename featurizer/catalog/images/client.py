"""One request over a connection that is kept: aiohttp's connector and parser, without what its session does beside.

Pictures are asked for without cookies, bodies or redirects that are followed unseen; what `aiohttp.ClientSession` does
for those takes more time than all the rest of a request.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader
from multidict import CIMultiDict
from yarl import URL

from featurizer.catalog.images.connector import READ_AHEAD, ListeningHandler, SparingConnector
from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.images.patience import Limit
from featurizer.catalog.images.proxies import Proxy

MOST_ORIGINS: Final = 1000
"""Origins whose requests are remembered."""
_UNSENDABLE: Final = re.compile(r"[\r\n\0\ud800-\udfff]")


class Answer:
    """What a server answers; its connection is given back at the end of the block.

    Attributes:
        status: of HTTP.
        headers: as they came.
        content: the body, as it comes.
    """

    __slots__ = ("_connection", "content", "headers", "status")

    def __init__(
        self, connection: Connection, status: int, headers: Mapping[str, str], content: StreamReader
    ) -> None:
        self._connection = connection
        self.status, self.headers, self.content = status, headers, content

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.release()  # and closed, unless the body was read to its end

    @property
    def promised(self) -> int | None:
        """Bytes of the body, as the server says."""
        length = self.headers.get("Content-Length")
        return None if length is None else int(length)


class Client:
    """Asks for addresses over the connections of one connector."""

    def __init__(self, connector: SparingConnector, options: FetchOptions) -> None:
        """Prepare, within a running event loop.

        Args:
            connector: opens connections and keeps them.
            options: who asks, and how long it may take to reach a server.
        """
        self.connector = connector
        self._loop = asyncio.get_running_loop()
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=options.connect_timeout)
        self._headers = {
            "User-Agent": options.user_agent,
            "Accept": "image/*,*/*;q=0.5",
            # Pictures are compressed already; a compressed body would only hide its size.
            "Accept-Encoding": "identity",
        }
        self._requests: dict[tuple[str, str | None, int | None], ClientRequest] = {}

    async def get(
        self, url: URL, limit: Limit, told: Mapping[str, str], proxy: Proxy | None = None
    ) -> Answer:
        """Ask for an address and wait for the answer's head.

        A connection that was kept may have been closed meanwhile: then it is asked once more, over another one.

        Args:
            url: where.
            limit: told whom to listen to.
            told: headers beside the usual ones.
            proxy: who is asked instead.

        Raises:
            ClientError, HttpProcessingError, OSError: there is none.
            ValueError: a header cannot be sent.
        """
        if told and any(map(_UNSENDABLE.search, told.values())):
            raise ValueError("a header holds a line break, or half of a surrogate pair")
        request = self._request(url) if proxy is None else self._proxied(url, proxy)
        connection = await self.connector.connect(request, traces=[], timeout=self._timeout)
        kept = isinstance(connection.protocol, ListeningHandler) and connection.protocol.idle
        try:
            return await self._exchange(connection, _head(request, url, told), limit)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            if not kept:
                raise
        connection = await self.connector.connect(request, traces=[], timeout=self._timeout)
        return await self._exchange(connection, _head(request, url, told), limit)

    def _request(self, url: URL) -> ClientRequest:
        """Return what the connector has to know of an address: for all of one origin the same."""
        origin = url.scheme, url.raw_host, url.port
        request = self._requests.get(origin)
        if request is None:
            if len(self._requests) >= MOST_ORIGINS:
                self._requests.clear()
            request = ClientRequest("GET", url, headers=self._headers, loop=self._loop)
            self._requests[origin] = request
        return request

    def _proxied(self, url: URL, proxy: Proxy) -> ClientRequest:
        login = CIMultiDict({**self._headers, **proxy.headers})
        return ClientRequest(
            "GET", url, headers=self._headers, loop=self._loop, proxy=proxy.url, proxy_headers=login
        )

    async def _exchange(self, connection: Connection, head: bytes, limit: Limit) -> Answer:
        try:
            protocol, transport = connection.protocol, connection.transport
            if not isinstance(protocol, ListeningHandler) or transport is None or transport.is_closing():
                raise aiohttp.ServerDisconnectedError
            protocol.set_response_params(
                read_until_eof=True, auto_decompress=False, read_timeout=None, read_bufsize=READ_AHEAD
            )
            protocol.idle = False
            protocol.heard_at, limit.server = self._loop.time(), protocol
            transport.write(head)
            message, content = await protocol.read()
            while 100 <= message.code < 200 and message.code != 101:
                message, content = await protocol.read()
            return Answer(connection, message.code, message.headers, content)
        except BaseException:
            limit.server = None
            connection.close()
            raise


def _head(request: ClientRequest, url: URL, told: Mapping[str, str]) -> bytes:
    """Return what is sent: a proxy is told the whole address, unless it is a tunnel."""
    target = str(url) if request.proxy is not None and not request.is_ssl() else url.raw_path_qs
    lines = [f"{name}: {value}\r\n" for headers in (request.headers, told) for name, value in headers.items()]
    return f"GET {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()
