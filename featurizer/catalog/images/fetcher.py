"""Pictures by the chunk: from the web, from disk, or carried by the source, in the order asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal

from featurizer.catalog.files_below import readable
from featurizer.catalog.images.judge import judge
from featurizer.catalog.images.local import read_local, refused
from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.images.web import WebReader, open_client
from featurizer.records import NONE, OK, FetchedImage, ImageRef

OnDone: TypeAlias = Callable[[FetchedImage], None]
T = TypeVar("T")


class ImageFetcher:
    """Fetches pictures by the chunk and keeps its connections alive from one chunk to the next.

    Every picture is decoded once to see that it is whole; the bytes kept are those received. What a chunk
    holds in memory is its pictures, so the caller bounds memory by the length of its chunks.

        with ImageFetcher() as fetcher:
            images = fetcher.fetch([ImageRef(url="https://example.org/1.jpg"), ImageRef(path=Path("2.png"))])

    The event loop runs in a thread of its own: a notebook, which runs one already, can use this too.
    """

    def __init__(
        self,
        options: FetchOptions | None = None,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare a fetcher; nothing is opened before `with`.

        Args:
            options: how many at once, how patient, how large; the defaults suit a picture host.
            transport: the network, for who wants another one.
            clock: the Unix time in seconds, for a Retry-After that is a date.
        """
        self._options = options or FetchOptions()
        self._transport, self._clock = transport, clock

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._pool = stack.enter_context(ThreadPoolExecutor(self._options.decode_threads, "decode"))
            self._portal: BlockingPortal = stack.enter_context(start_blocking_portal())
            client = open_client(self._options, self._transport)
            stack.enter_context(self._portal.wrap_async_context_manager(client))
            self._web = WebReader(client, self._options, self._clock)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def fetch(self, refs: Sequence[ImageRef], *, on_done: OnDone | None = None) -> list[FetchedImage]:
        """Fetch a chunk of pictures; the answer has one entry a reference, in their order.

        An address that occurs several times is fetched once. No failure of a picture raises: it is the
        entry's `status`, which is `ok`, `none`, `http_<code>`, `timeout`, `connection`, `bad_url`,
        `too_many_redirects`, `too_large`, `missing_file`, `unreadable_file`, `forbidden_path`, or a reason of `decode`.

        Args:
            refs: what to fetch, one an item.
            on_done: called once a reference as soon as its picture is known, from the fetching thread;
                must be quick and must not raise.
        """
        running = self._portal.start_task_soon(self._fetch, refs, on_done)
        try:
            return running.result()
        except BaseException:  # Ctrl-C: what is in flight is dropped before the connections are
            running.cancel()
            raise

    async def _fetch(self, refs: Sequence[ImageRef], on_done: OnDone | None) -> list[FetchedImage]:
        positions: dict[Hashable, list[int]] = {}
        for position, ref in enumerate(refs):
            positions.setdefault(ref.url or ref, []).append(position)
        images: list[FetchedImage] = [FetchedImage(NONE)] * len(refs)

        async def fill(places: list[int]) -> None:
            image = await self._one(refs[places[0]])
            for place in places:
                images[place] = replace(image, path=_file_name(refs[place]))
                if on_done is not None:
                    on_done(images[place])

        async with asyncio.TaskGroup() as group:
            for places in positions.values():
                group.create_task(fill(places))
        return images

    async def _one(self, ref: ImageRef) -> FetchedImage:
        data, path, url = ref.data, ref.path, (ref.url or "").strip()
        if data is not None:
            return await self._in_pool(lambda: judge(OK, data))
        if path is not None:
            most = self._options.max_bytes
            return await self._in_pool(lambda: judge(*read_local(path, max_bytes=most, folder=ref.folder)))
        if not url:
            return FetchedImage(NONE)
        reason = refused(url)
        if reason is not None:
            return FetchedImage(reason)
        received = await self._web.read(url)
        return await self._in_pool(lambda: judge(*received))

    async def _in_pool(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _file_name(ref: ImageRef) -> str | None:
    """Name the file to record beside the bytes."""
    if ref.name is not None:
        return ref.name
    if ref.path is not None:
        return readable(ref.path.name)
    return PurePosixPath(ref.url.split("?")[0].split("#")[0]).name or None if ref.url else None
