"""The scores that stand in a card: the leaderboard as the terminal shows it, and a figure of it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.results.names import SCORES
from featurizer.scoring.document import Entry, Score, Scores, read_scores
from featurizer.scoring.leaderboard import LeaderboardTable, leaderboard, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40
"""Rows of a card's leaderboard and of its figure, the best first; the file has all."""
MOST_PANELS = 3
"""Columns that are drawn, side by side."""


@dataclass(frozen=True, slots=True)
class ShownScores:
    """What a card tells of a `scores.json`.

    Attributes:
        found: the whole file.
        table: its leaderboard.
    """

    found: Scores
    table: LeaderboardTable

    @property
    def header(self) -> tuple[str, ...]:
        """What stands above the columns."""
        return self.table.shown[0]

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The rows that are shown."""
        return self.table.shown[1][:MOST_ROWS]

    @property
    def left_out(self) -> int:
        """How many rows are not."""
        return len(self.table.rows) - len(self.rows)

    @property
    def users(self) -> int | None:
        """Users whose items were ranked on the split; None in a file that does not say so."""
        counted = self.found.counts.get(f"{self.table.split}_users")
        most = max((row.users or 0 for row in self.found.scores if row.split == self.table.split), default=0)
        return int(counted) if counted is not None else most or None

    @property
    def items(self) -> int | None:
        """Items that were ranked; None in a file that does not say so."""
        counted = self.found.counts.get("items")
        return None if counted is None else int(counted)


def shown_scores(folder: Path) -> ShownScores | None:
    """Read a folder's `scores.json`; None where it has none, or none for all users.

    Raises:
        InputError: it is not what `featurizer score-features` writes.
    """
    path = folder / SCORES
    if not path.exists():
        return None
    found = read_scores(path)
    table = leaderboard(found.scores, found.origins)
    return ShownScores(found, table) if table.rows and table.columns else None


def draw(shown: ShownScores) -> bytes:
    """Draw the leaderboard, a panel a column, baselines hollow, as PNG; same scores, same bytes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    table = shown.table
    columns = ([one for one in table.columns if one.k is not None] or list(table.columns))[:MOST_PANELS]
    entries = table.entries[:MOST_ROWS]
    with rc_context({"text.parse_math": False, "svg.hashsalt": "featurizer"}), warnings.catch_warnings():
        # a name in a script that the font lacks
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        size = (3 + 2.6 * len(columns), 1.1 + 0.28 * len(entries))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for axes, column in zip(panels, columns, strict=True):
            for place, figures in enumerate(table.figures[:MOST_ROWS]):
                row = figures[table.columns.index(column)]
                if row is not None:
                    _mark(axes, place, row)
            axes.set_xlabel(title(column), fontsize="small")
            axes.grid(axis="x", alpha=0.3)
        panels[0].set_yticks(range(len(entries)), _names(entries), fontsize="small")
        panels[0].set_ylim(len(entries) - 0.5, -0.5)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    return drawn.getvalue()


def _names(entries: Sequence[Entry]) -> list[str]:
    several = len({entry.feature_set for entry in entries if not entry.is_baseline}) > 1
    named = [
        f"{entry.feature_set} {entry.titled}" if several or entry.is_baseline else entry.titled
        for entry in entries
    ]
    return [name if len(name) <= 40 else f"{name[:39]}…" for name in named]


def _mark(axes: Axes, place: int, row: Score) -> None:
    ends = (row.ci_low, row.ci_high)
    low, high = (row.value if end is None else end for end in ends)
    below, above = max(row.value - low, 0.0), max(high - row.value, 0.0)
    color, inside = ("0.5", "white") if row.is_baseline else ("C0", "C0")
    axes.errorbar(row.value, place, xerr=[[below], [above]], fmt="o", color=color, mfc=inside, capsize=2)
