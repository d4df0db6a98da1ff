"""What `scores.json` says, read: figures, the leaderboard they make, and which differences count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError

from featurizer.config import describe
from featurizer.errors import InputError
from featurizer.manifest import read_json
from featurizer.report.charts.chart import Point, Table
from featurizer.scoring.floors import FLOOR
from featurizer.scoring.leaderboard import Leaderboard, leaderboard, steps

MOST_STEPS = 30
"""Comparisons that the page lists; the file has all."""

Key: TypeAlias = tuple[str, str, str]
"""Feature set, space and transform: a row of the leaderboard."""


class Entry(BaseModel):
    """Whose figure it is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    feature_set: str
    space: str
    transform: str = "none"

    @property
    def key(self) -> Key:
        """The row of the leaderboard."""
        return self.feature_set, self.space, self.transform

    @property
    def is_floor(self) -> bool:
        """Whether it is what every space must beat."""
        return self.feature_set == FLOOR


class Score(Entry):
    """One figure."""

    metric: str
    split: str | None = None
    k: int | None = None
    neighbours: int | None = None
    group: str | None = None
    modality: str | None = None
    ratio: float | None = None
    value: float
    ci_low: float | None = None
    ci_high: float | None = None

    def point(self, x: float | str) -> Point:
        """Return the figure as a point of a chart."""
        return Point(x, self.value, self.ci_low, self.ci_high)


class _Comparison(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    metric: str
    split: str | None
    a: Entry
    b: Entry
    neighbours: int | None = None
    modality: str | None = None
    difference: float
    p_value: float
    p_holm: float


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    scores: tuple[Score, ...]
    comparisons: tuple[_Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """One scoring.

    Attributes:
        label: of its folder.
        split: that is shown, test where there is one.
        k: length of the lists, the longest.
        scores: the figures on this split at this length.
        order: the rows of the leaderboard, the best first.
        table: the leaderboard.
        steps: which neighbours on it differ by more than chance.
    """

    label: str
    split: str
    k: int
    scores: tuple[Score, ...]
    order: tuple[Key, ...]
    table: Table
    steps: tuple[str, ...]

    def name(self, entry: Entry) -> str:
        """Return what an entry is called; the feature set is named where there are several."""
        several = len({one.feature_set for one in self.scores if not one.is_floor}) > 1
        how = "" if entry.transform == "none" else f" ({entry.transform})"
        own = f"{entry.space}{how}"
        return f"{entry.feature_set}: {own}" if several and not entry.is_floor else own


def read_boards(files: Mapping[str, Path]) -> list[Board]:
    """Read every `scores.json`; one whose figures all stand in another, as those taken into a set do, is left out.

    Raises:
        InputError: a file is not what `featurizer score-features` writes.
    """
    read = {label: _read(path) for label, path in files.items()}
    figures = {label: frozenset(one.scores) for label, one in read.items()}
    kept: list[str] = []
    for label in sorted(read, key=lambda name: -len(figures[name])):
        if figures[label] and not any(figures[label] <= figures[other] for other in kept):
            kept.append(label)
    return [_board(label, read[label]) for label in read if label in kept]


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(read_json(path))
    except ValidationError as error:
        raise InputError(
            f"{describe(error, path)}; expected what 'featurizer score-features' writes"
        ) from error


def _table(caption: str, found: Leaderboard) -> Table:
    """Return the leaderboard without the column of transforms, where there was none."""
    kept = [
        at
        for at in range(len(found.header))
        if at != 2 or any(row[2] not in ("none", "") for row in found.rows)
    ]
    rows = tuple(tuple(row[at] for at in kept) for row in found.rows)
    return Table(caption, tuple(found.header[at] for at in kept), rows)


def _board(label: str, file: _File) -> Board:
    # the diagnostics have no length of list and no interval, and no place on a leaderboard
    listed = [one for one in file.scores if one.k is not None and one.ci_low is not None]
    found = leaderboard([one.model_dump() for one in listed])
    k = max((one.k for one in listed if one.split == found.split and one.k is not None), default=0)
    caption = f"Means over users on the {found.split} split, ± half the 95 % interval"
    return Board(
        label,
        found.split,
        k,
        tuple(one for one in listed if one.split == found.split and one.k == k),
        tuple((row[0], row[1], row[2]) for row in found.rows),
        _table(caption, found),
        tuple(steps(found, [one.model_dump() for one in file.comparisons])[:MOST_STEPS]),
    )
