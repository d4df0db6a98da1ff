"""Who decodes pictures: threads of this process, or processes of their own."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Literal, Protocol, TypeAlias

from featurizer.encoders.device import cpu_threads
from featurizer.errors import FeaturizerError
from featurizer.features.decode_worker import Worker
from featurizer.features.prepare import Prepare, Prepared, Row, prepare_rows

Decoders: TypeAlias = Literal["auto", "threads", "processes"]
"""Who decodes; `auto` takes processes where a GPU computes, and there are enough pictures for their start to pay."""

MOST_THREADS = 8
"""So many decode where the processor also computes: it is the models that have too few cores."""
ROWS = 8
"""Rows that a process is sent at once: few enough that the workers end together."""
PAYS_FROM = 32_768
"""Pictures from which processes are started: they take seconds to import what a preparation needs."""

logger = logging.getLogger(__name__)


class Decoding(Protocol):
    """Decodes rows elsewhere than in the calling thread."""

    @property
    def rows(self) -> int:
        """How many rows are best given at once."""
        ...

    def submit(self, rows: Sequence[Row], spaces: Collection[str], /) -> Future[list[Prepared]]:
        """Decode rows and prepare them for some spaces; with none, nothing is decoded."""
        ...


@dataclass(frozen=True, slots=True)
class InThreads:
    """Decodes on threads: what is decoded needs no copying, but a part of the work is done by one thread at a time."""

    pool: ThreadPoolExecutor
    prepare: Mapping[str, Prepare]
    rows: int = 1

    def submit(self, rows: Sequence[Row], spaces: Collection[str], /) -> Future[list[Prepared]]:
        """Decode rows on the next thread that is free."""
        return self.pool.submit(prepare_rows, rows, {space: self.prepare[space] for space in spaces})


@dataclass(frozen=True, slots=True)
class InProcesses:
    """Decodes in processes, each driven by a thread that waits for it; they are started when they are needed.

    Attributes:
        pool: the threads.
        prepare: the pickled preparations by space.
        idle: processes that wait for rows.
        started: all of them.
        rows: how many are best given at once.
    """

    pool: ThreadPoolExecutor
    prepare: bytes
    idle: SimpleQueue[Worker] = field(default_factory=SimpleQueue)
    started: list[Worker] = field(default_factory=list)
    rows: int = ROWS

    def submit(self, rows: Sequence[Row], spaces: Collection[str], /) -> Future[list[Prepared]]:
        """Decode rows in the next process that is free."""
        return self.pool.submit(self._ask, rows, spaces)

    def _ask(self, rows: Sequence[Row], spaces: Collection[str]) -> list[Prepared]:
        worker = self._free()
        try:
            return worker.ask(rows, spaces)
        finally:
            self.idle.put(worker)

    def _free(self) -> Worker:
        try:
            return self.idle.get_nowait()
        except Empty:
            worker = Worker.start(self.prepare)
            self.started.append(worker)
            return worker

    def stop(self) -> None:
        """End all processes."""
        self.pool.shutdown(cancel_futures=True)
        for worker in self.started:
            worker.stop()


@contextmanager
def decoding(
    prepare: Mapping[str, Prepare], *, device: str, workers: int | None, decoders: Decoders, rows: int
) -> Iterator[Decoding]:
    """Have workers while the block runs.

    Args:
        prepare: what each space makes of a picture and a text; empty reads no pictures.
        device: where the models compute.
        workers: how many; None for one a core, and at most eight where the models compute on the cores too.
        decoders: who decodes.
        rows: how many there will be.

    Raises:
        FeaturizerError: processes are asked for, and a preparation cannot be sent to one.
    """
    count = workers or (cpu_threads(None) if device != "cpu" else min(MOST_THREADS, os.cpu_count() or 1))
    with ThreadPoolExecutor(count, "decode") as pool:
        sent = _sent(prepare, device, decoders, rows)
        if sent is None:
            yield InThreads(pool, prepare)
            return
        processes = InProcesses(pool, sent)
        try:
            yield processes
        finally:
            processes.stop()


def _sent(prepare: Mapping[str, Prepare], device: str, decoders: Decoders, rows: int) -> bytes | None:
    """Return the preparations as a process is sent them; None where threads decode."""
    pays = decoders == "processes" or (decoders == "auto" and device.startswith("cuda") and rows >= PAYS_FROM)
    if not prepare or not pays:
        return None
    try:
        return pickle.dumps(dict(prepare), protocol=5)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if decoders == "processes":
            raise FeaturizerError(
                f"what an encoder does to a picture cannot be sent to a process: {error}. Decode on threads: "
                "--decoders threads"
            ) from error
        logger.info(
            "pictures are decoded on threads, since a preparation cannot be sent to a process: %s", error
        )
        return None
