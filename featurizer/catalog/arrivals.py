"""The parts of a catalog whose pictures are on their way: many are open, each is written once it is complete."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self

from featurizer.catalog.images.fetcher import Ask, ImageFetcher
from featurizer.catalog.journal import Outcome
from featurizer.catalog.part import OpenPart
from featurizer.progress import Progress, Report
from featurizer.records import NO_FAILURE, NOT_MODIFIED
from featurizer.results.files import file_sha256

MOST_BYTES: Final = 64 * 2**20
"""Of rows, pictures aside, that wait for their pictures."""
LEAST_PARTS: Final = 4
"""So many parts may be open however large they are."""
MOST_PARTS: Final = 64
"""And no more than that, however small."""
TOLD_EVERY: Final = 0.25
"""Seconds between two reports of how far it is."""
SHOWN: Final = 4
"""Reasons that are named in a report."""


class Arrivals:
    """Opens parts, asks for their pictures and writes the parts that are complete.

    What waits for a picture holds its row and nothing more, for what has arrived lies in the part's journal: so a host
    that is slow holds nobody up. Where a run ends early, what has arrived by then is kept.

    Attributes:
        hashes: the sha256 of each part file that was written.
    """

    def __init__(self, fetcher: ImageFetcher, report: Report) -> None:
        self._fetcher, self._report = fetcher, report
        self._open: set[OpenPart] = set()
        self._ended: SimpleQueue[OpenPart | BaseException] = SimpleQueue()
        self._lock = threading.Lock()
        self._done, self._failed = 0, Counter[str]()
        self.hashes: dict[Path, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
            else:
                self._fetcher.stop()
        finally:
            for part in self._open:
                part.journal.close()

    def _finish(self) -> None:
        """Wait for all parts; where that is broken off, nothing may arrive any more once the journals are closed."""
        try:
            while self._open:
                self._settle()
            self._tell()
        except BaseException:
            self._fetcher.stop()
            raise

    def open(self, path: Path, *, again: bool = False) -> OpenPart:
        """Open a part, as soon as there is room for one more.

        Args:
            path: its file.
            again: it is there, and only what failed is asked for.
        """
        while self._is_full():
            self._settle()
        while not self._ended.empty():
            self._settle()
        part = OpenPart(path, self._count, self._ended.put, again=again)
        self._open.add(part)
        return part

    def _is_full(self) -> bool:
        if len(self._open) < LEAST_PARTS:
            return False
        return len(self._open) >= MOST_PARTS or sum(part.rows.nbytes for part in self._open) > MOST_BYTES

    def submit(self, asks: Sequence[Ask]) -> None:
        """Ask for pictures."""
        self._fetcher.submit(asks)

    def skip(self, items: int) -> None:
        """Count items that need no picture any more."""
        with self._lock:
            self._done += items
        self._tell()

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        with self._lock:
            for outcome in outcomes:
                self._done += outcome.place == 0
                if outcome.status not in NO_FAILURE and outcome.status != NOT_MODIFIED:
                    self._failed[outcome.status] += 1

    def _settle(self) -> None:
        """Wait for a part and write it.

        Raises:
            OutputError: the disk is full, say.
        """
        self._tell()
        try:
            ended = self._ended.get(timeout=TOLD_EVERY)
        except Empty:
            return
        if isinstance(ended, BaseException):
            raise ended
        ended.write()
        self.hashes[ended.path] = file_sha256(ended.path)  # now, while other pictures are on their way
        self._open.discard(ended)

    def _tell(self) -> None:
        with self._lock:
            done, failed = self._done, Counter(self._failed)
        named = [f"{count:,} {reason}" for reason, count in failed.most_common(SHOWN)]
        note = ", ".join([*named, "…"] if len(failed) > SHOWN else named)
        self._report(Progress("catalog", done, failures=failed.total(), note=note))
