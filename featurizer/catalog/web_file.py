"""One big file over HTTP: streamed to disk, and gone on with by Range after every break."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

import httpx2
import stamina

from featurizer.catalog.partial_file import PartialFile
from featurizer.catalog.retry import (
    USER_AGENT,
    FailedTry,
    RetryPolicy,
    retry_after,
    wait_before_retry,
    worth_retrying,
)
from featurizer.errors import DownloadError

OnBytes: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes on disk and the bytes in all, where the server tells."""

KEPT: Final = "What has arrived is kept: run the same command again to go on from there."


CONNECT_TIMEOUT, READ_TIMEOUT = 15.0, 60.0
"""Seconds to reach the server, and between two pieces of the body."""
PATIENT: Final = RetryPolicy(attempts=6, wait_max=30.0)


@dataclass(frozen=True, slots=True)
class WebDownload:
    """One address on its way into one partial file.

    Attributes:
        url: the address.
        partial: the file.
        size: what the whole must weigh, where known.
        progress: told what has arrived.
        retry: when to try again; its attempts are counted anew whenever bytes have arrived.
        read_timeout: seconds between two pieces of the body.
    """

    url: str
    partial: PartialFile
    size: int | None
    progress: OnBytes
    retry: RetryPolicy = PATIENT
    read_timeout: float = READ_TIMEOUT

    def run(self) -> None:
        """Bring the partial file to its last byte.

        Raises:
            DownloadError: the server refuses, offers another size, or breaks off again and again.
            OSError: the disk refuses a write.
        """
        furthest = self.partial.size
        timeout = httpx2.Timeout(self.read_timeout, connect=CONNECT_TIMEOUT)
        # Identity: a body packed on the way has neither the size nor the ranges of the file.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        with httpx2.Client(headers=headers, timeout=timeout, follow_redirects=True) as client:
            while (broken := self._insist(client)) is not None:
                arrived = self.partial.size
                if arrived <= furthest:
                    raise DownloadError(
                        f"{self.url} broke off after {arrived:,} bytes: {broken.reason}; expected the whole "
                        f"file, tried {self.retry.attempts} times without progress. {KEPT}"
                    ) from broken
                furthest = arrived

    def _insist(self, client: httpx2.Client) -> FailedTry | None:
        """Try as often as the policy says; return what broke the last try, None when the file is whole."""
        policy = self.retry
        try:
            for attempt in stamina.retry_context(
                on=wait_before_retry,
                attempts=policy.attempts,
                timeout=None,
                wait_initial=policy.wait_initial,
                wait_max=policy.wait_max,
                wait_jitter=policy.wait_jitter,
            ):
                with attempt:
                    self._try(client)
        except FailedTry as broken:
            return broken
        return None

    def _try(self, client: httpx2.Client) -> None:
        version = self.partial.version(self.url)
        offset = 0 if version is None else self.partial.size
        headers = {} if version is None else {"Range": f"bytes={offset}-", "If-Range": version}
        try:
            with client.stream("GET", self.url, headers=headers) as response:
                if response.status_code == 416 and _total(response) == offset:
                    return  # all bytes had arrived before the last break
                self._refuse(response)
                with self._open(response, offset) as file:
                    self._write(response, file)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.TooManyRedirects) as error:
            raise DownloadError(
                f"{self.url} leads nowhere: {error}. Expected an address that answers with a file; check it."
            ) from error
        except httpx2.TransportError as error:
            raise FailedTry(f"{type(error).__name__}: {error}", transient=True) from error

    def _refuse(self, response: httpx2.Response) -> None:
        """Raise unless this is the file or the rest of it."""
        code = response.status_code
        if code in (200, 206):
            return
        if code == 416:
            self.partial.discard()
            raise FailedTry("the file on the server is shorter than what had arrived", transient=True)
        if worth_retrying(code):
            wait = retry_after(
                response.headers.get("Retry-After"),
                now=time.time(),
                at_most=self.retry.retry_after_max,
            )
            raise FailedTry(f"HTTP {code}", transient=True, wait=wait)
        raise DownloadError(
            f"{response.url} answered HTTP {code} {response.reason_phrase}; expected 200 or 206. "
            "Check the address, or fetch the file by other means and put it where it belongs: "
            f"{self.partial.target}."
        )

    def _open(self, response: httpx2.Response, offset: int) -> BinaryIO:
        """Open the partial file where this body belongs: behind what has arrived, or from the start."""
        total = _total(response)
        if None not in (self.size, total) and total != self.size:
            raise DownloadError(
                f"{self.url} offers {total:,} bytes, expected {self.size:,}: the file there is another one. "
                "Correct the entry's size and sha256, or the address."
            )
        if response.status_code == 206:
            begin = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            if begin is None or int(begin[1]) != offset:
                self.partial.discard()
                raise FailedTry("the server sent another range than the one asked for", transient=True)
            return self.partial.resume()
        return self.partial.restart(self.url, _version(response))

    def _write(self, response: httpx2.Response, file: BinaryIO) -> None:
        total, done = _total(response), file.tell()
        for piece in response.iter_raw():
            file.write(piece)
            done += len(piece)
            self.progress(done, total)


def _version(response: httpx2.Response) -> str | None:
    """Name the version of a file as If-Range takes it: a strong ETag, else the date of its last change."""
    etag = response.headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _total(response: httpx2.Response) -> int | None:
    """Read how many bytes the whole file has, None where the server does not tell."""
    ranged = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    if ranged is not None:
        return int(ranged[1])
    length = response.headers.get("Content-Length", "")
    return int(length) if response.status_code == 200 and length.isdigit() else None
