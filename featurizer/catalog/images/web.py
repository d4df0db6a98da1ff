"""One picture over HTTP: streamed up to a limit, retried where that can help, every failure named."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

import httpx2
import stamina

from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.retry import USER_AGENT, FailedTry, retry_after, wait_before_retry, worth_retrying
from featurizer.records import OK


def open_client(options: FetchOptions, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """Make the client that keeps connections alive from one chunk of pictures to the next."""
    return httpx2.AsyncClient(
        # Pictures are compressed already; a compressed body would only hide its size.
        headers={"User-Agent": USER_AGENT, "Accept": "image/*,*/*;q=0.5", "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(options.read_timeout, connect=options.connect_timeout, pool=None),
        limits=httpx2.Limits(
            max_connections=options.concurrency, max_keepalive_connections=options.concurrency
        ),
        follow_redirects=True,
        max_redirects=options.max_redirects,
        transport=transport,
    )


class WebReader:
    """Fetches addresses with one client, never more at once than the options allow."""

    def __init__(self, client: httpx2.AsyncClient, options: FetchOptions, clock: Callable[[], float]) -> None:
        self._client, self._options, self._clock = client, options, clock
        self._slots = asyncio.Semaphore(options.concurrency)
        self._host_slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(options.per_host)
        )

    async def read(self, address: str) -> tuple[str, bytes, int]:
        """Fetch one address.

        Returns:
            `ok`, or the reason of the last try; the bytes as they came, of a body that broke off a part; the tries.
        """
        url = _parse(address)
        if url is None:
            return "bad_url", b"", 0
        policy, tries = self._options.retry, 0
        try:
            async for attempt in stamina.retry_context(
                on=wait_before_retry,
                attempts=policy.attempts,
                timeout=None,
                wait_initial=policy.wait_initial,
                wait_max=policy.wait_max,
                wait_jitter=policy.wait_jitter,
            ):
                tries = attempt.num
                with attempt:
                    # Held for a try, not for the wait between two; the host's first, lest waiting for a slow
                    # host takes a slot from the others.
                    async with self._host_slots[url.netloc.decode("ascii")], self._slots:
                        return OK, await self._try(url), tries
        except FailedTry as failed:
            return failed.reason, failed.data, tries
        raise AssertionError("a retry loop ends by returning or by raising")

    async def _try(self, url: httpx2.URL) -> bytes:
        body = bytearray()
        try:
            async with (
                asyncio.timeout(self._options.total_timeout),
                self._client.stream("GET", url) as response,
            ):
                self._check_head(response)
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > self._options.max_bytes:
                        raise FailedTry("too_large")
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise FailedTry("timeout", transient=True, data=bytes(body)) from error
        except httpx2.TooManyRedirects as error:
            raise FailedTry("too_many_redirects") from error
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise FailedTry("bad_url") from error
        except httpx2.DecodingError as error:
            raise FailedTry("decode_error") from error
        except httpx2.TransportError as error:
            raise FailedTry(
                "truncated" if body else "connection", transient=True, data=bytes(body)
            ) from error
        return bytes(body)

    def _check_head(self, response: httpx2.Response) -> None:
        code = response.status_code
        if not response.is_success:
            wait = retry_after(
                response.headers.get("Retry-After"),
                now=self._clock(),
                at_most=self._options.retry.retry_after_max,
            )
            raise FailedTry(f"http_{code}", transient=worth_retrying(code), wait=wait)
        promised = response.headers.get("Content-Length", "")
        if promised.isdigit() and int(promised) > self._options.max_bytes:
            raise FailedTry("too_large")


def _parse(address: str) -> httpx2.URL | None:
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL:
        return None
    return url if url.scheme in ("http", "https") and url.host else None
