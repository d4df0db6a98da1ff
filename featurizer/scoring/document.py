"""What `scores.json` says: every figure, and which differences count; for who writes it and who reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from featurizer.config import describe
from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.files import write_json
from featurizer.results.names import FEATURE_SET, SCORES
from featurizer.results.seal import sealed
from featurizer.results.spelling import read_manifest
from featurizer.scoring.metric_key import MetricKey

FEATURE_SET_FINGERPRINT = "feature_set_fingerprint"
"""Stands in a set's own file: which set was scored."""
BASELINE = "floor"
"""Stands in the file where a feature set's name would."""


GEOMETRIES = {"auto": "centered", "center": "centered", "none": "uncentered", "whiten": "whitened"}
"""What a reader is told of a transform."""

INTERACTIONS, OTHERS = "interactions", "other interactions"
"""What taught a space: the interactions that it is scored with, or those of another file."""
NOT_USED, UNKNOWN = "training not used", "unknown"
"""Of an alignment that kept its start; of vectors that came without saying what taught them."""
CONTENT = "content"


@dataclass(frozen=True)
class Entry:
    """Whose figure it is: a feature set's label, a space of it, and what was done to the vectors."""

    feature_set: str
    space: str
    transform: str

    @property
    def geometry(self) -> str:
        """What was done to the vectors, in a word; a baseline has none."""
        return "-" if self.is_baseline else GEOMETRIES.get(self.transform, self.transform)

    @property
    def titled(self) -> str:
        """The space, with what was done to its vectors where that is not the usual centering."""
        usual = self.is_baseline or self.geometry == "centered"
        return self.space if usual else f"{self.space} ({self.geometry})"

    @property
    def is_baseline(self) -> bool:
        """Whether it is what every space must beat."""
        return self.feature_set == BASELINE

    @property
    def entry(self) -> Entry:
        """Whose it is, without the figure."""
        return Entry(self.feature_set, self.space, self.transform)


@dataclass(frozen=True, kw_only=True)
class Score(MetricKey, Entry):
    """One figure of an entry.

    Attributes:
        value: the mean over users, or the one figure.
        ci_low: lower end of the interval; None where nothing is averaged, as the upper one.
        ci_high: upper end of the interval.
        users: how many, or how many items or pairs where nothing was ranked.
    """

    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    users: int | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison(MetricKey):
    """Two rows of the leaderboard on one metric, users paired; `a` is the better.

    Attributes:
        a: the row with the higher mean.
        b: the other.
        difference: of the means.
        ci_low: lower end of its interval.
        ci_high: upper end of its interval.
        p_value: of the paired t-test over users, two-sided.
        p_holm: the same, adjusted for all pairs of the metric.
        users: how many.
    """

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
    """The whole file.

    Attributes:
        scores: in the order they were made.
        comparisons: of every two rows.
        references: the rows that every leaderboard shows: single spaces of content, and their centered joins.
        origins: of each feature set's spaces, what it was learned from, in the words above, several with commas.
        counts: of what was scored on: users, items, pairs.
        date: the day, YYYY-MM-DD; None in a file of before.
    """

    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...] = field(default=())
    references: tuple[Entry, ...] = field(default=())
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)
    date: str | None = None


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


def attach(found: Mapping[str, Json], label: str, folder: Path) -> Path:
    """Write `scores.json` into a feature set: its rows and the baselines, the plain ones first; its comparisons.

    Args:
        found: what `score` returned.
        label: the set's name there.
        folder: the feature set.
    """
    document = parse_scores(dict(found))
    mine = sorted(
        (row for row in document.scores if row.is_baseline or row.feature_set == label), key=_plainness
    )
    compared = [row for row in document.comparisons if label in (row.a.feature_set, row.b.feature_set)]
    path = folder / SCORES
    write_json(
        path,
        sealed(
            {
                **{name: value for name, value in found.items() if name != "config"},
                "scores": [dict(asdict(row)) for row in mine],
                "comparisons": [dict(asdict(row)) for row in compared],
                FEATURE_SET_FINGERPRINT: read_manifest(folder / FEATURE_SET).get("fingerprint"),
            }
        ),
    )
    return path


def _plainness(row: Score) -> tuple[bool, bool, bool]:
    return row.group is not None, row.modality is not None, row.k is None
