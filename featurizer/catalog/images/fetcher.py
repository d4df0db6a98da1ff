"""Pictures from the web, from disk, or carried by the source: fetched side by side, judged, handed on as they come."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self, TypeAlias

from aiohttp.abc import AbstractResolver
from yarl import URL

from featurizer.catalog.files_below import readable
from featurizer.catalog.images.addresses import parse, why_not
from featurizer.catalog.images.budget import Room
from featurizer.catalog.images.engine import Engine, Job
from featurizer.catalog.images.judge import judge
from featurizer.catalog.images.local import read_local, refused
from featurizer.catalog.images.options import FetchOptions
from featurizer.catalog.images.web import Received, open_web
from featurizer.records import NONE, OK, Condition, FetchedImage, ImageRef

MOST_AT_ONCE: Final = 32
"""Pictures that a thread takes to look at: to hand over each by itself is dear."""
MOST_BYTES: Final = 2**21
"""Of these pictures, unless a single one has more."""
SOON: Final = 0.005
"""Seconds that a picture waits for others, to be looked at together."""

OnDone: TypeAlias = Callable[[FetchedImage], None]
Slot: TypeAlias = tuple[int, int]
"""What somebody who asks for pictures knows one by."""
Arrival: TypeAlias = tuple[Slot, FetchedImage]
"""What became of one of them."""


class Keeper(Protocol):
    """Who asks for pictures."""

    def keep(self, arrived: Sequence[Arrival]) -> None:
        """Take what became of some pictures, each once: from a thread of the fetcher, or from the one that asks."""
        ...

    def trouble(self, error: BaseException) -> None:
        """Take what `keep` raised, a full disk, say, or why pictures cannot be looked at."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One picture that is asked for.

    Attributes:
        ref: where it is to be had.
        keeper: who asks.
        slot: what it is known by there.
    """

    ref: ImageRef
    keeper: Keeper
    slot: Slot


class _Arrived(NamedTuple):
    job: Job[Ask]
    status: str
    received: Received
    room: Room


class ImageFetcher:
    """Fetches pictures, and keeps its connections alive from one to the next.

    An event loop in a thread of its own brings the bytes, so that a notebook, which runs a loop already, can use this
    too; further threads read files, and look at every picture once to see that it is whole. The bytes kept are those
    received.

        with ImageFetcher() as fetcher:
            images = fetcher.fetch([ImageRef(url="https://example.org/1.jpg"), ImageRef(path=Path("2.png"))])
    """

    def __init__(
        self,
        options: FetchOptions | None = None,
        *,
        resolver: AbstractResolver | None = None,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare a fetcher; nothing is opened before `with`.

        Args:
            options: how many at once, how patient, how large; the defaults suit a picture host.
            resolver: who is asked for the addresses of hosts; None for the system.
            clock: the Unix time in seconds, for a Retry-After that is a date.
            jitter: random numbers from 0 to 1, for the wait between two tries.
        """
        self.options = options or FetchOptions()
        self._resolver, self._clock, self._jitter = resolver, clock, jitter
        self._to_judge: SimpleQueue[Ask | list[_Arrived] | None] = SimpleQueue()
        self._batch: list[_Arrived] = []
        self._bytes = 0
        self._handing: asyncio.TimerHandle | None = None
        self._stopping = False
        self._broken: BaseException | None = None

    def __enter__(self) -> Self:
        started: SimpleQueue[BaseException | None] = SimpleQueue()
        self._judges = [
            threading.Thread(target=self._judge_all, name=f"decode-{number}", daemon=True)
            for number in range(self.options.decode_threads)
        ]
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="fetch", daemon=True
        )
        self._thread.start()
        trouble = started.get()
        if trouble is not None:
            self._thread.join()
            raise trouble
        for thread in self._judges:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Drop what is in flight and what is not yet read; what has arrived from the web is judged and told."""
        self._stopping = True
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._running.cancel)
        self._thread.join()
        for _ in self._judges:
            self._to_judge.put(None)
        for thread in self._judges:
            thread.join()
        self._judges = []

    async def _serve(self, started: SimpleQueue[BaseException | None]) -> None:
        self._loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            try:
                web = await stack.enter_async_context(open_web(self.options, self._resolver, self._clock))
                self._engine: Engine[Ask] = Engine(
                    web, self.options, self._arrived, clock=self._clock, jitter=self._jitter
                )
            except Exception as error:  # noqa: BLE001 - raised in the thread that opens the fetcher
                started.put(error)
                return
            self._running = asyncio.create_task(self._engine.run())
            started.put(None)
            await self._work()

    async def _work(self) -> None:
        try:
            await self._running
        except asyncio.CancelledError:
            return
        except BaseException as error:  # noqa: BLE001 - raised in the threads that wait
            self._broken = error
            for ask in self._engine.abandoned():
                ask.keeper.trouble(error)
        finally:
            self._hand_over()

    def _arrived(self, job: Job[Ask], status: str, received: Received, room: Room) -> None:
        self._batch.append(_Arrived(job, status, received, room))
        self._bytes += len(received.data)
        if len(self._batch) >= MOST_AT_ONCE or self._bytes >= MOST_BYTES:
            self._hand_over()
        elif self._handing is None:
            self._handing = self._loop.call_later(SOON, self._hand_over)

    def _hand_over(self) -> None:
        """Give what has arrived to the judges."""
        if self._handing is not None:
            self._handing.cancel()
            self._handing = None
        if self._batch:
            self._to_judge.put(self._batch)
            self._batch, self._bytes = [], 0

    def submit(self, asks: Sequence[Ask]) -> None:
        """Ask for pictures; each is told as soon as it is known, in whatever order.

        An address that is being asked for already is not fetched twice. No failure of a picture raises: it is its
        `status`, which is `ok`, `none`, or one of `REASONS`. Where the fetcher cannot go on, each is told why.
        """
        web: list[tuple[str, URL, Condition | None, Ask]] = []
        for ask in asks:
            address = (ask.ref.url or "").strip()
            if ask.ref.data is not None or ask.ref.path is not None or not _is_of_the_web(address):
                self._to_judge.put(ask)
                continue
            url = parse(address)
            if url is None:
                _tell({ask.keeper: [(ask.slot, FetchedImage(why_not(address), path=file_name(ask.ref)))]})
            else:
                web.append((address, url, ask.ref.condition, ask))
        if self._broken is not None:
            self._add(web)
        elif web:
            self._loop.call_soon_threadsafe(self._add, web)

    def _add(self, web: Sequence[tuple[str, URL, Condition | None, Ask]]) -> None:
        if self._broken is None:
            self._engine.add(web)
            return
        for *_, ask in web:
            ask.keeper.trouble(self._broken)

    def fetch(self, refs: Sequence[ImageRef], *, on_done: OnDone | None = None) -> list[FetchedImage]:
        """Fetch a few pictures and wait for them; the answer has one entry a reference, in their order.

        Args:
            refs: what to fetch, one an item.
            on_done: called once a reference as soon as its picture is known, from a thread of the fetcher, or from
                this one where the address is none.
        """
        waiting = _Waiting(len(refs), on_done)
        self.submit([Ask(ref, waiting, (place, 0)) for place, ref in enumerate(refs)])
        return waiting.all()

    def _judge_all(self) -> None:
        while (some := self._to_judge.get()) is not None:
            if isinstance(some, Ask):
                if not self._stopping:
                    _tell(_told([some], partial(self._here, some.ref)))
                continue
            told: dict[Keeper, list[Arrival]] = {}
            for one in some:
                for keeper, images in _told(one.job.asks, partial(self._judged, one)).items():
                    told.setdefault(keeper, []).extend(images)
            _tell(told)
            for one in some:
                one.room.free()

    def _judged(self, one: _Arrived) -> FetchedImage:
        job, received, most = one.job, one.received, self.options.max_bytes
        image = judge(one.status, received.data, encoding=received.encoding, max_bytes=most)
        return FetchedImage(
            image.status, image.data, image.sha256, image.width, image.height, job.tries,
            file_name(job.asks[0].ref), job.first, job.last, received.etag, received.last_modified,
        )  # fmt: skip

    def _here(self, ref: ImageRef) -> FetchedImage:
        """Judge a picture that needs no network."""
        if ref.data is not None:
            return judge(OK, ref.data)
        if ref.path is not None:
            return judge(*read_local(ref.path, max_bytes=self.options.max_bytes, folder=ref.folder))
        return FetchedImage(refused((ref.url or "").strip()) or NONE)


def _is_of_the_web(address: str) -> bool:
    return bool(address) and refused(address) is None


class _Waiting:
    """Who waits for a few pictures."""

    def __init__(self, count: int, on_done: OnDone | None) -> None:
        self._images = [FetchedImage(NONE)] * count
        self._on_done, self._left = on_done, count
        self._ended: SimpleQueue[int | BaseException] = SimpleQueue()

    def keep(self, arrived: Sequence[Arrival]) -> None:
        for (place, _), image in arrived:
            self._images[place] = image
            if self._on_done is not None:
                self._on_done(image)
        self._ended.put(len(arrived))

    def trouble(self, error: BaseException) -> None:
        self._ended.put(error)

    def all(self) -> list[FetchedImage]:
        """Return the pictures once they are there."""
        while self._left:
            ended = self._ended.get()
            if isinstance(ended, BaseException):
                raise ended
            self._left -= ended
        return self._images


def _told(asks: Sequence[Ask], judged: Callable[[], FetchedImage]) -> dict[Keeper, list[Arrival]]:
    """Return what to tell all who ask for a picture; if that cannot be found out, no memory, say, tell that."""
    try:
        image = judged()
    except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
        for ask in asks:
            ask.keeper.trouble(error)
        return {}
    told: dict[Keeper, list[Arrival]] = {}
    for ask in asks:
        name = file_name(ask.ref)
        told.setdefault(ask.keeper, []).append((ask.slot, image if image.path == name else image.named(name)))
    return told


def _tell(told: Mapping[Keeper, Sequence[Arrival]]) -> None:
    for keeper, arrived in told.items():
        try:
            keeper.keep(arrived)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            keeper.trouble(error)


def file_name(ref: ImageRef) -> str | None:
    """Name the file to record beside a picture's bytes."""
    if ref.name is not None:
        return ref.name
    if ref.path is not None:
        return readable(ref.path.name)
    return ref.url.split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2] or None if ref.url else None
