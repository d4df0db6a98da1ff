"""What the program says: results to stdout, talk and progress to stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from featurizer.progress import Progress, Report

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

LINE_SECONDS = 5.0
"""Without a terminal, one line of progress so often."""


def say(text: str, *, always: bool = False) -> None:
    """Write a line of talk to stderr, unless --quiet."""
    if always or not os.environ.get("FEATURIZER_QUIET"):
        print(text, file=sys.stderr, flush=True)


def result(text: str) -> None:
    """Write a result to stdout."""
    print(text, flush=True)


def result_json(value: Mapping[str, object]) -> None:
    """Write one JSON object to stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), flush=True)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay rows out in columns: text to the left, numbers to the right."""
    cells = [list(header), *[[_cell(value) for value in row] for row in rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(row[i], (int, float)) or row[i] is None for row in rows)
        for i in range(len(header))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        for row in cells
    ]
    return "\n".join(
        line.rstrip() for line in [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def duration(seconds: float) -> str:
    """Return a time as a person says it: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


@contextmanager
def progress() -> Iterator[Report]:
    """Yield a reporter: bars on a terminal, else a line every few seconds, nothing with --quiet."""
    if os.environ.get("FEATURIZER_QUIET"):
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield _Bars(bars)
    else:
        lines = _Lines()
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


class _Bars:
    """One bar a stage."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.tasks: dict[str, tuple[TaskID, _Rate]] = {}

    def __call__(self, progress: Progress) -> None:
        if progress.stage not in self.tasks:
            task = self.bars.add_task(progress.stage, total=progress.total, rate="", failed="")
            self.tasks[progress.stage] = task, _Rate(progress.done)
        task, rate = self.tasks[progress.stage]
        self.bars.update(
            task,
            completed=progress.done,
            total=progress.total,
            rate=f"{rate.of(progress.done):,.1f} {progress.unit}/s",
            failed=f"{progress.failures} failed" if progress.failures else progress.note,
        )


class _Rate:
    """Units a second since the first report; what was done before a resume does not count."""

    def __init__(self, done: int) -> None:
        self.first, self.start = done, time.monotonic()

    def of(self, done: int) -> float:
        elapsed = time.monotonic() - self.start
        return (done - self.first) / elapsed if elapsed > 0 else 0.0


class _Lines:
    """A line of progress every few seconds, and one at the end of each stage."""

    def __init__(self) -> None:
        self.rates: dict[str, _Rate] = {}
        self.last: Progress | None = None
        self.printed: Progress | None = None
        self.when = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if self.last is not None and self.last.stage != progress.stage:
            self._print()
        self.rates.setdefault(progress.stage, _Rate(progress.done))
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
        rate = self.rates[now.stage].of(now.done)
        left = (
            f", {duration((now.total - now.done) / rate)} left"
            if now.total and rate and now.done < now.total
            else ""
        )
        of = f" of {now.total:,}" if now.total is not None else ""
        failed = f", {now.failures:,} failed" if now.failures else ""
        note = f"; {now.note}" if now.note else ""
        speed = f", {rate:,.1f}/s" if rate >= 0.05 else ""  # a rate of 0.0 would only be a rounded one
        say(f"{now.stage}: {now.done:,}{of} {now.unit}{speed}{left}{failed}{note}")
        self.printed, self.when = now, time.monotonic()
