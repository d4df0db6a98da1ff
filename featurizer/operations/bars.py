"""How far a run is, drawn: bars on a terminal or in a notebook, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from featurizer.operations.text import duration
from featurizer.progress import Progress, Report

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

LINE_SECONDS = 5.0
"""Without a terminal, one line of progress so often."""


@contextmanager
def drawn(say: Callable[[str], None], *, rich: bool | None = None) -> Iterator[Report]:
    """Yield a reporter that draws.

    Args:
        say: writes a line, where there are no bars.
        rich: whether to draw bars; None draws them where stderr is a terminal.
    """
    if sys.stderr.isatty() if rich is None else rich:
        with _bars() as bars:
            yield _on(bars)
    else:
        lines = _Lines(say)
        yield lines
        lines.close()


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(), TextColumn("eta"), TimeRemainingColumn(), TextColumn("{task.fields[failed]}"),
        console=Console(stderr=True),
    )  # fmt: skip


def _on(bars: Bars) -> Report:
    """Return a reporter that draws one bar a stage."""
    tasks: dict[str, tuple[TaskID, Callable[[int], float]]] = {}

    def report(progress: Progress) -> None:
        if progress.stage not in tasks:
            task = bars.add_task(progress.stage, total=progress.expected, rate="", failed="")
            tasks[progress.stage] = task, _rate(progress.done)
        task, rate = tasks[progress.stage]
        bars.update(
            task,
            completed=progress.done,
            total=progress.expected,
            rate=f"{rate(progress.done):,.1f} {progress.unit}/s",
            failed=_beside(progress),
        )

    return report


def _beside(progress: Progress) -> str:
    """Return what stands behind a bar: how many failed, and the note."""
    if not progress.failures:
        return progress.note
    return f"{progress.failures:,} failed" + (f" ({progress.note})" if progress.note else "")


def _rate(first: int) -> Callable[[int], float]:
    """Return what tells units a second from here on; what was done before a resume does not count."""
    start = time.monotonic()

    def rate(done: int) -> float:
        elapsed = time.monotonic() - start
        return (done - first) / elapsed if elapsed > 0 else 0.0

    return rate


class _Lines:
    """A line of progress every few seconds, and one at the end of each stage."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.rates: dict[str, Callable[[int], float]] = {}
        self.last: Progress | None = None
        self.printed: Progress | None = None
        self.when = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if self.last is not None and self.last.stage != progress.stage:
            self._print()
        self.rates.setdefault(progress.stage, _rate(progress.done))
        self.last = progress
        if time.monotonic() - self.when >= LINE_SECONDS:
            self._print()

    def close(self) -> None:
        """Print the last state."""
        self._print()

    def _print(self) -> None:
        now = self.last
        if now is None or now == self.printed:
            return
        rate = self.rates[now.stage](now.done)
        expected = now.expected
        left = (
            f", {duration((expected - now.done) / rate)} left{_if_it_stops(now)}"
            if expected and rate and now.done < expected
            else ""
        )
        of = f" of {now.total:,}" if now.total is not None else ""
        failed = f", {_beside(now)}" if now.failures else ""
        note = f"; {now.note}" if now.note and not failed else ""
        speed = f", {rate:,.1f}/s" if rate >= 0.05 else ""  # a rate of 0.0 would only be a rounded one
        self.say(f"{now.stage}: {now.done:,}{of} {now.counted}{speed}{left}{failed}{note}")
        self.printed, self.when = now, time.monotonic()


def _if_it_stops(now: Progress) -> str:
    return f" if it stops at {now.likely:,}" if now.likely not in (None, now.total) else ""
