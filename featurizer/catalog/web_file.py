"""One big file over HTTP: streamed to disk, and gone on with by Range after every break."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final, TypeAlias

import httpx2
import stamina

from featurizer.catalog.partial_file import PartialFile
from featurizer.catalog.retry import USER_AGENT, RetryPolicy, retry_after, worth_retrying
from featurizer.errors import DownloadError

OnBytes: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes on disk and the bytes in all, where the server tells."""

KEPT: Final = "What has arrived is kept: run the same command again to go on from there."


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How patient a file download is.

    Attributes:
        connect_timeout: seconds to reach the server.
        read_timeout: seconds between two pieces of the body.
        retry: when to try again; its attempts are counted anew whenever bytes have arrived.
        clock: the Unix time in seconds, for a Retry-After that is a date.
    """

    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(attempts=6, wait_max=30.0))
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class WebDownload:
    """One address on its way into one partial file; `size` is what the whole must weigh, where known."""

    url: str
    partial: PartialFile
    size: int | None
    options: FileOptions
    progress: OnBytes

    def run(self) -> None:
        """Bring the partial file to its last byte.

        Raises:
            DownloadError: the server refuses, offers another size, or breaks off again and again.
            OSError: the disk refuses a write.
        """
        furthest = self.partial.size
        timeout = httpx2.Timeout(self.options.read_timeout, connect=self.options.connect_timeout)
        # Identity: a body packed on the way has neither the size nor the ranges of the file.
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        with httpx2.Client(headers=headers, timeout=timeout, follow_redirects=True) as client:
            while (broken := self._insist(client)) is not None:
                arrived = self.partial.size
                if arrived <= furthest:
                    raise DownloadError(
                        f"{self.url} broke off after {arrived:,} bytes: {broken.reason}; expected the whole "
                        f"file, tried {self.options.retry.attempts} times without progress. {KEPT}"
                    ) from broken
                furthest = arrived

    def _insist(self, client: httpx2.Client) -> _Broken | None:
        """Try as often as the policy says; return what broke the last try, None when the file is whole."""
        policy = self.options.retry
        try:
            for attempt in stamina.retry_context(
                on=_wait_before_retry,
                attempts=policy.attempts,
                timeout=None,
                wait_initial=policy.wait_initial,
                wait_max=policy.wait_max,
                wait_jitter=policy.wait_jitter,
            ):
                with attempt:
                    self._try(client)
        except _Broken as broken:
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
            raise _Broken(f"{type(error).__name__}: {error}") from error

    def _refuse(self, response: httpx2.Response) -> None:
        """Raise unless this is the file or the rest of it."""
        code = response.status_code
        if code in (200, 206):
            return
        if code == 416:
            self.partial.discard()
            raise _Broken("the file on the server is shorter than what had arrived")
        if worth_retrying(code):
            wait = retry_after(
                response.headers.get("Retry-After"),
                now=self.options.clock(),
                at_most=self.options.retry.retry_after_max,
            )
            raise _Broken(f"HTTP {code}", wait=wait)
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
                raise _Broken("the server sent another range than the one asked for")
            return self.partial.resume()
        return self.partial.restart(self.url, _version(response))

    def _write(self, response: httpx2.Response, file: BinaryIO) -> None:
        total, done = _total(response), file.tell()
        for piece in response.iter_raw():
            file.write(piece)
            done += len(piece)
            self.progress(done, total)


class _Broken(Exception):
    """A try that another one may mend; `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, *, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


def _wait_before_retry(error: Exception) -> bool | float:
    if not isinstance(error, _Broken):
        return False
    return True if error.wait is None else error.wait


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
