"""What `scores.json` says: every figure, and which differences count; for who writes it and who reads it."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from featurizer.config import describe
from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.names import SCORES
from featurizer.results.spelling import read_manifest

FLOOR = "floor"
"""Stands where a feature set's name would."""


GEOMETRIES = {"auto": "centered", "center": "centered", "none": "uncentered", "whiten": "whitened"}
"""What a reader is told of a transform."""


@dataclass(frozen=True)
class Entry:
    """Whose figure it is: a feature set's label, a space of it, and what was done to the vectors."""

    feature_set: str
    space: str
    transform: str = "auto"

    @property
    def geometry(self) -> str:
        """What was done to the vectors, in a word; a floor has none."""
        return "-" if self.is_floor else GEOMETRIES.get(self.transform, self.transform)

    @property
    def titled(self) -> str:
        """The space, with what was done to its vectors where that is not the usual centering."""
        usual = self.is_floor or self.geometry == "centered"
        return self.space if usual else f"{self.space} ({self.geometry})"

    @property
    def is_floor(self) -> bool:
        """Whether it is what every space must beat."""
        return self.feature_set == FLOOR

    @property
    def entry(self) -> Entry:
        """Whose it is, without the figure."""
        return Entry(self.feature_set, self.space, self.transform)


@dataclass(frozen=True, kw_only=True)
class Score(Entry):
    """One figure; what does not apply is None.

    Attributes:
        metric: such as `zero_shot_recall`.
        split: `valid` or `test`.
        k: length of the list.
        neighbors: of item-CF.
        group: users or items counted; None for all.
        modality: which one was taken from items.
        ratio: from which share of them.
        value: the mean over users, or the one figure.
        ci_low: lower end of the interval.
        ci_high: upper end of the interval.
        users: how many, or how many items or pairs where nothing was ranked.
    """

    metric: str
    split: str | None = None
    k: int | None = None
    neighbors: int | None = None
    group: str | None = None
    modality: str | None = None
    ratio: float | None = None
    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    users: int | None = None

    @property
    def name(self) -> str:
        """The metric, with what was masked for it: two rows of a table never look the same."""
        share = "" if self.ratio is None else f" for {self.ratio:.0%} of the items"
        return self.metric if self.modality is None else f"{self.metric}, without {self.modality}{share}"

    @property
    def is_headline(self) -> bool:
        """Whether it is of a ranking, over all users, with nothing masked; the area under a mask's curve is."""
        return self.group is None and self.ratio is None and self.k is not None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two rows of the leaderboard on one metric, users paired; `a` is the better.

    Attributes:
        metric: such as `zero_shot_recall`.
        split: `valid` or `test`.
        k: length of the lists.
        neighbors: of item-CF.
        modality: which one was taken from items.
        a: the row with the higher mean.
        b: the other.
        difference: of the means.
        ci_low: lower end of its interval.
        ci_high: upper end of its interval.
        p_value: of the paired t-test over users, two-sided.
        p_holm: the same, adjusted for all pairs of the metric.
        users: how many.
    """

    metric: str
    split: str | None
    k: int | None
    neighbors: int | None = None
    modality: str | None = None
    a: Entry
    b: Entry
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    p_holm: float
    users: int


@dataclass(frozen=True)
class Scores:
    """The whole file: `scores` in the order they were made, `comparisons` of every two rows."""

    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...] = field(default=())


_SCORES = TypeAdapter(Scores)


def parse_scores(document: Json, origin: Path | str = SCORES) -> Scores:
    """Read what `score` returns or `scores.json` holds; what else stands there is left aside.

    Raises:
        InputError: it is not what `featurizer score-features` writes.
    """
    try:
        return _SCORES.validate_python(document)
    except ValidationError as error:
        raise InputError(
            f"{describe(error, origin)}; expected what 'featurizer score-features' writes"
        ) from error


def read_scores(path: Path) -> Scores:
    """Read the file.

    Raises:
        InputError: it is not what `featurizer score-features` writes.
    """
    return parse_scores(read_manifest(path), path)
