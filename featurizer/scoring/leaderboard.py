"""The table that a person reads: a row a space, its headline figures with their intervals, the best first."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurizer.records import Json
from featurizer.scoring.floors import FLOOR

HEADLINES = (
    "zero_shot_recall",
    "item_cf_recall",
    "downstream_recall",
    "mask_modality_zero_shot_recall_area",
)
"""The columns, where there are figures for them; the first there is sorts."""


@dataclass(frozen=True, slots=True)
class Column:
    """A headline: a metric on a split at K, for item-CF with so many neighbours, for a mask's area of a modality."""

    metric: str
    split: str
    k: int
    neighbours: int | None = None
    modality: str | None = None

    @property
    def title(self) -> str:
        """What stands above it: `zero-shot R@20`."""
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


def leaderboard(scores: Sequence[dict[str, Json]]) -> Leaderboard:
    """Lay the headline figures of `scores.json` out, on test where there is one, the best first.

    Floors have a figure in every column that they are a floor of.
    """
    plain = [row for row in scores if row["group"] is None and row["ratio"] is None and row["k"] is not None]
    split = next((name for name in ("test", "valid") if any(row["split"] == name for row in plain)), "test")
    k = max((int(str(row["k"])) for row in plain), default=0)
    here = [row for row in plain if row["split"] == split and row["k"] == k]
    columns = _columns(here, split, k)
    rows = [_cells(entry, here, columns) for entry in dict.fromkeys(map(_entry, here))]
    rows.sort(key=lambda row: [-value for value, _ in row[1]])
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
        floor = f"{FLOOR}_{entry[1]}_recall"
        own = column.metric, column.neighbours, column.modality
        wanted = (floor, None, None) if entry[0] == FLOOR else own
        found = next(
            (row for row in mine if (row["metric"], row["neighbours"], row["modality"]) == wanted), None
        )
        cells.append(_cell(found))
    return entry, cells


def _cell(row: dict[str, Json] | None) -> tuple[float, str]:
    if row is None:
        return float("-inf"), "-"
    value, low, high = (float(str(row[name])) for name in ("value", "ci_low", "ci_high"))
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
                found.append(
                    f"{_short(sides[0])} > {_short(sides[1])}, p = {p:.3g}, {adjusted:.3g} for all pairs (Holm)"
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
