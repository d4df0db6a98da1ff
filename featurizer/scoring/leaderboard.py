"""The table that a person reads: a row a space, its headline figures with their intervals, the best first."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurizer.records import Json
from featurizer.scoring.floors import FLOOR

CLEAR = 0.05
"""A difference whose adjusted p is not below this is said not to be told apart."""

DIAGNOSTICS = {
    "diagnostic_coverage": "coverage",
    "diagnostic_effective_rank": "effective rank",
    "diagnostic_co_purchase_lift": "co-purchase lift",
}
"""The columns of diagnostics, where they were asked for; they sort nothing and have no floor."""

HEADLINES = (
    "zero_shot_recall",
    "item_cf_recall",
    "downstream_recall",
    "mask_modality_zero_shot_recall_area",
)
"""The columns, where there are figures for them; the first there is sorts."""


@dataclass(frozen=True, slots=True)
class Column:
    """A headline: a metric on a split at K, for item-CF with so many neighbours, for a mask's area of a modality.

    A diagnostic has neither split nor K.
    """

    metric: str
    split: str | None = None
    k: int | None = None
    neighbours: int | None = None
    modality: str | None = None

    @property
    def title(self) -> str:
        """What stands above it: `zero-shot R@20`."""
        if self.k is None:
            return DIAGNOSTICS[self.metric]
        if self.modality is not None:
            return f"without {self.modality}, area R@{self.k}"
        name = self.metric.removesuffix("_recall").replace("_", "-")
        near = f" ({self.neighbours} nearest)" if self.neighbours else ""
        return f"{name} R@{self.k}{near}"


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The table: `header` and `rows` of cells, on `split`; the first of `columns` sorts."""

    split: str
    columns: tuple[Column, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def ranks(self) -> bool:
        """Whether a column is of a ranking: it has an interval over users, and it sorts."""
        return any(column.k is not None for column in self.columns)


def leaderboard(scores: Sequence[dict[str, Json]]) -> Leaderboard:
    """Lay the headline figures of `scores.json` out, on test where there is one, the best first.

    Floors have a figure in every column that they are a floor of; with no such column they are left out.
    """
    plain = [row for row in scores if row["group"] is None and row["ratio"] is None and row["k"] is not None]
    split = next((name for name in ("test", "valid") if any(row["split"] == name for row in plain)), "test")
    k = max((int(str(row["k"])) for row in plain), default=0)
    here = [row for row in plain if row["split"] == split and row["k"] == k]
    stated = [row for row in scores if row["metric"] in DIAGNOSTICS]
    ranking = _columns(here, split, k)
    diagnostics = [Column(name) for name in DIAGNOSTICS if any(row["metric"] == name for row in stated)]
    columns = [*ranking, *diagnostics]
    entries = [one for one in dict.fromkeys(map(_entry, scores)) if ranking or one[0] != FLOOR]
    rows = [_cells(entry, [*here, *stated], columns) for entry in entries]
    rows.sort(key=lambda row: [-value for value, _ in row[1][: len(ranking)]])
    header = ("feature set", "space", "transform", *(column.title for column in columns))
    return Leaderboard(
        split, tuple(columns), header, tuple((*entry, *(text for _, text in cells)) for entry, cells in rows)
    )


def _columns(rows: Sequence[dict[str, Json]], split: str, k: int) -> list[Column]:
    columns: list[Column] = []
    for metric in HEADLINES:
        mine = [row for row in rows if row["metric"] == metric]
        near = min(
            (int(str(row["neighbours"])) for row in mine if row["neighbours"] is not None), default=None
        )
        sides = dict.fromkeys(row["modality"] for row in mine)
        columns += [Column(metric, split, k, near, str(side) if side else None) for side in sides]
    return columns


def _entry(row: dict[str, Json]) -> tuple[str, str, str]:
    return str(row["feature_set"]), str(row["space"]), str(row["transform"])


def _cells(
    entry: tuple[str, str, str], rows: Sequence[dict[str, Json]], columns: Sequence[Column]
) -> tuple[tuple[str, str, str], list[tuple[float, str]]]:
    mine = [row for row in rows if _entry(row) == entry]
    cells = []
    for column in columns:
        name, near, side = column.metric, column.neighbours, column.modality
        if column.k is None:
            found = next((row for row in mine if row["metric"] == name), None)
        else:
            wanted = (f"{FLOOR}_{entry[1]}_recall", None, None) if entry[0] == FLOOR else (name, near, side)
            found = next(
                (row for row in mine if (row["metric"], row["neighbours"], row["modality"]) == wanted), None
            )
        cells.append(_cell(found))
    return entry, cells


def _cell(row: dict[str, Json] | None) -> tuple[float, str]:
    if row is None:
        return float("-inf"), "-"
    value = float(str(row["value"]))
    if row["ci_low"] is None:
        return value, f"{value:.4g}"
    low, high = float(str(row["ci_low"])), float(str(row["ci_high"]))
    return value, f"{value:.4f} ±{(high - low) / 2:.4f}"


def steps(board: Leaderboard, comparisons: Sequence[dict[str, Json]]) -> list[str]:
    """Say of each two neighbours on the table, floors aside, whether the upper one is better, by the first column."""
    found = []
    first = next(iter(board.columns), None)
    for upper, lower in itertools.pairwise(row[:3] for row in board.rows if row[0] != FLOOR):
        for row in comparisons:
            sides = [_named(row[side]) for side in ("a", "b")]
            if set(sides) == {upper, lower} and _is_of(row, first):
                p, adjusted = float(str(row["p_value"])), float(str(row["p_holm"]))
                sign = "=" if row["difference"] == 0 else ">"
                apart = "" if adjusted < CLEAR else ": not told apart"
                found.append(
                    f"{first.title if first else ''}: {_short(sides[0])} {sign} {_short(sides[1])}, "
                    f"p = {p:.3g}, {adjusted:.3g} for all pairs (Holm){apart}"
                )
    return found


def _is_of(row: Mapping[str, Json], column: Column | None) -> bool:
    if column is None:
        return False
    own = (row["metric"], row["split"], row.get("neighbours"), row.get("modality"))
    return own == (column.metric, column.split, column.neighbours, column.modality)


def _named(entry: Json) -> tuple[str, ...]:
    return tuple(map(str, entry.values())) if isinstance(entry, dict) else ()


def _short(entry: tuple[str, ...]) -> str:
    return " ".join(part for part in entry if part != "none")
