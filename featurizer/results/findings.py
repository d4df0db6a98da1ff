"""What came of looking at a result: what is wrong with it, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Findings:
    """Of one result.

    Attributes:
        problems: one sentence each; none where it is what its manifest says.
        notes: what was believed, and why.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, problems: Iterable[str], notes: Iterable[str] = ()) -> Findings:
        """Take them from where they come."""
        return cls(tuple(problems), tuple(notes))

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.problems + other.problems, self.notes + other.notes)

    def within(self, place: str) -> Findings:
        """Return the same with where it was found before each."""
        return Findings(
            tuple(f"{place}/{one}" for one in self.problems), tuple(f"{place}/{one}" for one in self.notes)
        )
