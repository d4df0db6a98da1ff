"""The scores that stand in a card: read from `scores.json`, shown as a table and a plot."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

from featurizer.results.names import SCORES
from featurizer.scoring.document import Score, read_scores

PLOTTED_K = 20
MOST_ROWS = 80
"""Rows a card's table shows; the file has all."""


def shown_scores(folder: Path) -> tuple[list[Score], int]:
    """Read the rows for all users from a folder's `scores.json`, in the file's order; none where it has no scores.

    Returns:
        The rows that are shown, and how many more there are.

    Raises:
        InputError: it is not what `featurizer score-features` writes.
    """
    path = folder / SCORES
    if not path.exists():
        return [], 0
    rows = read_scores(path).scores
    shown = [row for row in rows if row.group is None][:MOST_ROWS]
    return shown, len(rows) - len(shown)


def draw(scores: Sequence[Score]) -> bytes:
    """Draw the scores at one list length with their intervals, a color a space, as PNG; same scores, same bytes.

    Args:
        scores: at least one row.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    chosen = _plotted(scores)
    names = list(dict.fromkeys(_series(row) for row in chosen))
    labels = list(dict.fromkeys(_label(row) for row in chosen))
    with rc_context({"text.parse_math": False, "svg.hashsalt": "featurizer"}), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing", UserWarning
        )  # a name in a script the font lacks
        figure = Figure(figsize=(8, 1.2 + 0.35 * len(labels)), layout="constrained")
        axes = figure.subplots()
        for number, name in enumerate(names):
            rows = [row for row in chosen if _series(row) == name]
            places = [labels.index(_label(row)) + 0.12 * (number - (len(names) - 1) / 2) for row in rows]
            below = [row.value - (row.value if row.ci_low is None else row.ci_low) for row in rows]
            above = [(row.value if row.ci_high is None else row.ci_high) - row.value for row in rows]
            axes.errorbar(
                [row.value for row in rows], places, xerr=[below, above], fmt="o", capsize=3, label=name[:60]
            )
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlabel(f"mean over users, with its interval; {chosen[0].split or 'all'} split")
        axes.grid(axis="x", alpha=0.3)
        axes.legend(fontsize="small", loc="best")
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    return drawn.getvalue()


def _plotted(scores: Sequence[Score]) -> list[Score]:
    split = "test" if any(row.split == "test" for row in scores) else scores[0].split
    rows = [row for row in scores if row.split == split]
    lengths = {row.k for row in rows}
    k = PLOTTED_K if PLOTTED_K in lengths else next(iter(lengths))
    return [row for row in rows if row.k == k]


def _series(row: Score) -> str:
    return row.titled


def _label(row: Score) -> str:
    return row.name + (f"@{row.k}" if row.k else "") + (f", {row.neighbors} nb." if row.neighbors else "")
