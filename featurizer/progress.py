"""How a stage says how far it is: the library calls back, the command line draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Progress:
    """One report: `done` of `total` units of `stage` (total None: unknown), `failures` among the done.

    `note` is what stands beside, the loss for example.
    """

    stage: str
    done: int
    total: int | None = None
    failures: int = 0
    unit: str = "items"
    note: str = ""


Report: TypeAlias = Callable[[Progress], None]


def silent(progress: Progress, /) -> None:
    """Report to nobody."""
