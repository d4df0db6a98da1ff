"""How a stage says how far it is: the library calls back, the command line draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of how far a stage is.

    Attributes:
        stage: what is done.
        done: units so far.
        total: units at most; None where that is not known.
        failures: among the done.
        unit: what is counted.
        note: what stands beside, the loss for example.
        likely: units after which a stage that may stop early will, if nothing gets better from here on; None where
            it always goes on to `total`.
    """

    stage: str
    done: int
    total: int | None = None
    failures: int = 0
    unit: str = "items"
    note: str = ""
    likely: int | None = None

    @property
    def counted(self) -> str:
        """What is counted, as it stands behind its number."""
        count = self.done if self.total is None else self.total
        return self.unit.removesuffix("s") if count == 1 else self.unit

    @property
    def expected(self) -> int | None:
        """The units that the time left is counted for: the likely ones, where a stage may stop early."""
        return self.total if self.likely is None else self.likely


Report: TypeAlias = Callable[[Progress], None]


def silent(progress: Progress, /) -> None:
    """Report to nobody."""
