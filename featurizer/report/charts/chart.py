"""A chart as data, so that what is drawn can also be read as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["lines", "bars", "intervals"]
"""Lines over a number, upright bars over a name, points with whiskers beside a name."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value, with its interval where it has one; `x` is a number on lines, else a name."""

    x: float | str
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one color; `baseline` grays it."""

    name: str
    points: tuple[Point, ...]
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of text under a header."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Attributes:
        slug: its file name, without ending.
        title: stands above.
        kind: how.
        x_label: what `Point.x` is.
        y_label: what `Point.y` is.
        series: at least one, with at least one point.
    """

    slug: str
    title: str
    kind: Kind
    x_label: str
    y_label: str
    series: tuple[Series, ...]

    @property
    def places(self) -> tuple[float | str, ...]:
        """Every x once; numbers in order, names as they come."""
        found = dict.fromkeys(point.x for one in self.series for point in one.points)
        numbers = [x for x in found if not isinstance(x, str)]
        return tuple(sorted(numbers)) if len(numbers) == len(found) else tuple(found)

    @property
    def table(self) -> Table:
        """The same figures as text: a row a place, a column a series."""
        by_place = [{point.x: _cell(point) for point in one.points} for one in self.series]
        rows = tuple((_name(x), *(cells.get(x, "-") for cells in by_place)) for x in self.places)
        header = (self.x_label, *(one.name for one in self.series))
        return Table(f"{self.title}: {self.y_label}", header, rows)

    @property
    def summary(self) -> str:
        """One sentence for who does not see the chart."""
        best = max(((one.name, point) for one in self.series for point in one.points), key=lambda it: it[1].y)
        many = f"{len(self.series)} series, " if len(self.series) > 1 else ""
        return (
            f"{self.title}. {self.y_label} by {self.x_label}: {many}highest {best[1].y:.4g} "
            f"({best[0]}, {_name(best[1].x)}). The figures stand in the table below."
        )


def slug(*words: str) -> str:
    """Return words as a file name: letters, digits and hyphens."""
    return "".join(letter if letter.isalnum() else "-" for letter in "-".join(words))


def _cell(point: Point) -> str:
    if point.low is None or point.high is None:
        return f"{point.y:.4f}"
    return f"{point.y:.4f} ({point.low:.4f} to {point.high:.4f})"


def _name(x: float | str) -> str:
    return x if isinstance(x, str) else f"{x:g}"
