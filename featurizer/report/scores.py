"""What `scores.json` says, read: figures, the leaderboard they make, and which differences count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from featurizer.report.charts.chart import Table
from featurizer.scoring.document import Entry, Score, Scores, read_scores
from featurizer.scoring.leaderboard import COLD, leaderboard, steps
from featurizer.scoring.verdict import verdicts

MOST_STEPS = 30
"""Comparisons that the page lists; the file has all."""


@dataclass(frozen=True, slots=True)
class Board:
    """One scoring.

    Attributes:
        label: of its folder.
        split: that is shown, test where there is one.
        k: length of the lists, the longest.
        scores: the figures at this length, on this split and of cold items.
        order: the rows of the leaderboard, the best first.
        table: the leaderboard.
        use: which space to use, and why.
        steps: which neighbors on it differ by more than chance.
    """

    label: str
    split: str
    k: int
    scores: tuple[Score, ...]
    order: tuple[Entry, ...]
    table: Table
    use: tuple[str, ...]
    steps: tuple[str, ...]

    def name(self, entry: Entry) -> str:
        """Return what an entry is called; the feature set is named where there are several."""
        several = len({one.feature_set for one in self.scores if not one.is_baseline}) > 1
        return f"{entry.feature_set}: {entry.titled}" if several and not entry.is_baseline else entry.titled


def read_boards(files: Mapping[str, Path]) -> list[Board]:
    """Read every `scores.json`; one whose figures all stand in another, as those taken into a set do, is left out.

    Raises:
        InputError: a file is not what `featurizer score-features` writes.
    """
    read = {label: read_scores(path) for label, path in files.items()}
    figures = {label: frozenset(one.scores) for label, one in read.items()}
    kept: list[str] = []
    for label in sorted(read, key=lambda name: -len(figures[name])):
        if figures[label] and not any(figures[label] <= figures[other] for other in kept):
            kept.append(label)
    return [_board(label, read[label]) for label in read if label in kept]


def _board(label: str, file: Scores) -> Board:
    # the diagnostics have no length of list and no interval, and no place on a leaderboard
    listed = [one for one in file.scores if one.k is not None and one.ci_low is not None]
    found = leaderboard(listed, file.origins)
    k = max((one.k for one in listed if one.split == found.split and one.k is not None), default=0)
    cold = ", cold items' of all splits" if any(column.metric == COLD for column in found.columns) else ""
    caption = f"Means over users on the {found.split} split{cold}, ± half the 95 % interval"
    return Board(
        label,
        found.split,
        k,
        tuple(one for one in listed if one.split in (found.split, None) and one.k == k),
        found.entries,
        Table(caption, *found.shown),
        tuple(verdicts(file)),
        tuple(steps(found, file.comparisons, file.references)[:MOST_STEPS]),
    )
