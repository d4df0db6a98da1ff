"""Rows of somebody's file that cannot be used: counted, and said with the places of the first."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from featurizer.errors import InputError
from featurizer.values import counted

logger = logging.getLogger(__name__)

SHOWN = 5
"""So many places are named."""


@dataclass(slots=True)
class BadRows:
    """What was skipped of one file.

    Attributes:
        path: the file.
        allowed: more than so many are an error; None for half of the rows.
        count: so many there were.
        places: of the first, with the reason.
    """

    path: Path
    allowed: int | None = None
    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, place: str, reason: object) -> None:
        """Count a row that is skipped.

        Raises:
            InputError: there are more than allowed.
        """
        self.count += 1
        if len(self.places) < SHOWN:
            self.places.append(f"{place} ({' '.join(str(reason).split())[:160]})")
        if self.allowed is not None and self.count > self.allowed:
            raise InputError(self.fault(0))

    def settle(self, used: int) -> None:
        """Say what was skipped, when the file was read to its end and `used` rows of it were of use.

        Raises:
            InputError: there are more than allowed.
        """
        fault = self.fault(used)
        if fault is not None:
            raise InputError(fault)
        if self.count:
            logger.warning("%s; %s left out", self, "it is" if self.count == 1 else "they are")

    def fault(self, used: int, *, named: bool = True) -> str | None:
        """Return what is wrong where more than allowed cannot be used.

        Args:
            used: so many rows of the file were of use.
            named: whether it says which file that is.
        """
        if self.count <= (used if self.allowed is None else self.allowed):
            return None
        most = "at most half of them" if self.allowed is None else f"at most {self.allowed:,}"
        most = "none" if self.allowed == 0 else most
        told = f"{self}" if named else self._told
        return f"{told}; expected {most} to be bad. Correct the file, or allow more with --max-bad-rows"

    @property
    def _told(self) -> str:
        where = ", ".join([*self.places, *(["…"] if self.count > len(self.places) else [])])
        return f"{counted(self.count, 'row', 'rows')} cannot be read: {where}"

    def __str__(self) -> str:
        return f"{self.path.name}: {self._told}"
