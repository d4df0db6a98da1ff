"""The table that a person reads: a row a space, its headline figures with their intervals, the best first."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from featurizer.scoring.document import (
    BASELINE,
    CONTENT,
    INTERACTIONS,
    NOT_USED,
    OTHERS,
    UNKNOWN,
    Comparison,
    Entry,
    Score,
)
from featurizer.scoring.metric_key import MetricKey

CLEAR = 0.05
"""A difference whose adjusted p is not below this is said not to be told apart."""

DIAGNOSTICS = {
    "diagnostic_coverage": "coverage",
    "diagnostic_effective_rank": "effective rank",
    "diagnostic_co_purchase_lift": "co-purchase lift",
}
"""The columns of diagnostics, where they were asked for; they sort nothing and have no baseline."""

COLD = "cold_recall"
HEADLINES = (
    "zero_shot_recall",
    "item_cf_recall",
    COLD,
    "downstream_recall",
    "mask_modality_zero_shot_recall_area",
)
"""The columns, where there are figures for them; the first there is sorts."""


@dataclass(frozen=True, slots=True)
class LeaderboardTable:
    """The table: `header` and `rows` of cells, on `split`, and whose each row is; the first of `columns` sorts.

    A column is of a headline on a split at K, for item-CF with the fewest neighbors; a diagnostic has neither split
    nor K. `figures` are what the cells tell, a row's in the order of the columns; None for a dash.
    """

    split: str
    columns: tuple[MetricKey, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    entries: tuple[Entry, ...]
    figures: tuple[tuple[Score | None, ...], ...]

    @property
    def ranks(self) -> bool:
        """Whether a column is of a ranking: it has an interval over users, and it sorts."""
        return any(column.k is not None for column in self.columns)

    @property
    def shown(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        """Header and rows, without the column of geometries where all are centered."""
        at = self.header.index("geometry")
        if any(row[at] not in ("centered", "-") for row in self.rows):
            return self.header, self.rows
        return _without(self.header, at), tuple(_without(row, at) for row in self.rows)


def title(column: MetricKey) -> str:
    """Return what stands above a column: `zero-shot R@20`."""
    if column.k is None:
        return DIAGNOSTICS[column.metric]
    if column.modality is not None:
        return f"without {column.modality}, area R@{column.k}"
    near = f" ({column.neighbors} nearest)" if column.neighbors else ""
    return f"{short_name(column.metric)} R@{column.k}{near}"


def short_name(metric: str) -> str:
    """Return what a recall is called in a title: `zero-shot`."""
    return metric.removesuffix("_recall").replace("_", "-")


def _without(row: tuple[str, ...], at: int) -> tuple[str, ...]:
    return row[:at] + row[at + 1 :]


def leaderboard(
    scores: Sequence[Score], origins: Mapping[str, Mapping[str, str]] | None = None
) -> LeaderboardTable:
    """Lay the headline figures out, on test where there is one, the best first.

    Baselines have a figure in every column that they are a baseline of; with no such column they are left out.

    Args:
        scores: every figure.
        origins: of each feature set's spaces, what it was learned from; a column says so where that is not content.
    """
    plain = [row for row in scores if row.is_headline]
    split = next((name for name in ("test", "valid") if any(row.split == name for row in plain)), "test")
    k = max((row.k for row in plain if row.k is not None), default=0)
    here = [row for row in plain if row.split in (split, None) and row.k == k]
    stated = [row for row in scores if row.metric in DIAGNOSTICS]
    ranking = _columns(here, split, k)
    columns = [
        *ranking,
        *(MetricKey(name) for name in DIAGNOSTICS if any(row.metric == name for row in stated)),
    ]
    entries = [one for one in dict.fromkeys(row.entry for row in scores) if ranking or not one.is_baseline]
    rows = [(entry, _figures(entry, [*here, *stated], columns)) for entry in entries]
    rows.sort(key=lambda row: [-_value(found) for found in row[1][: len(ranking)]])
    rows = _each_once(rows)
    learned = {entry: _learned_from(entry, origins or {}) for entry in entries}
    told = any(one not in (CONTENT, "-") for one in learned.values())
    return LeaderboardTable(
        split,
        tuple(columns),
        ("feature set", "space", "geometry", *map(title, columns), *(["learned from"] if told else [])),
        tuple(
            (*_names(entry), *map(_cell, found), *([learned[entry]] if told else [])) for entry, found in rows
        ),
        tuple(entry for entry, _ in rows),
        tuple(tuple(found) for _, found in rows),
    )


def _each_once(
    rows: Sequence[tuple[Entry, list[Score | None]]],
) -> list[tuple[Entry, list[Score | None]]]:
    """Leave out a row whose space stands above under another set's name with the very same figures."""
    kept: dict[tuple[str, str, object], tuple[Entry, list[Score | None]]] = {}
    for entry, found in rows:
        figures = tuple(None if one is None else (one.value, one.ci_low, one.ci_high) for one in found)
        kept.setdefault((entry.space, entry.transform, figures if any(found) else entry), (entry, found))
    return list(kept.values())


def _learned_from(entry: Entry, origins: Mapping[str, Mapping[str, str]]) -> str:
    """Return what a row's spaces were learned from; of several all that is not content alone."""
    own = origins.get(entry.feature_set, {})
    found = {kind for part in entry.space.split("+") if part in own for kind in own[part].split(", ")}
    told = [kind for kind in (INTERACTIONS, OTHERS, UNKNOWN, NOT_USED) if kind in found]
    return ", ".join(told) or (CONTENT if found else "-")


def _columns(rows: Sequence[Score], split: str, k: int) -> list[MetricKey]:
    columns: list[MetricKey] = []
    for metric in HEADLINES:
        mine = [row for row in rows if row.metric == metric]
        near = min((row.neighbors for row in mine if row.neighbors is not None), default=None)
        columns += [
            MetricKey(metric, None if metric == COLD else split, k, near, modality=side)
            for side in dict.fromkeys(row.modality for row in mine)
        ]
    return columns


def _figures(entry: Entry, rows: Sequence[Score], columns: Sequence[MetricKey]) -> list[Score | None]:
    """Return the entry's figure in each column; None where it has none."""
    mine = [row for row in rows if row.entry == entry]
    return [next((row for row in mine if _stands_in(row, column)), None) for column in columns]


def _stands_in(row: Score, column: MetricKey) -> bool:
    if column.k is None:
        return row.metric == column.metric
    if row.is_baseline:
        return row.metric == f"{BASELINE}_{row.space}_{'cold_' if column.metric == COLD else ''}recall"
    own = row.metric, row.neighbors, row.modality
    return own == (column.metric, column.neighbors, column.modality)


def is_random(row: Score, column: MetricKey) -> bool:
    """Say whether a row is what a random order finds of a ranking's column."""
    return (
        row.is_baseline
        and row.space == "random"
        and _stands_in(row, column)
        and row.k == column.k
        and (row.split in (column.split, None))
    )


def _value(found: Score | None) -> float:
    return float("-inf") if found is None else found.value


def _cell(found: Score | None) -> str:
    if found is None:
        return "-"
    if found.ci_low is None or found.ci_high is None:
        return f"{found.value:.4g}"
    return f"{found.value:.4f} ±{(found.ci_high - found.ci_low) / 2:.4f}"


def steps(
    board: LeaderboardTable, comparisons: Sequence[Comparison], references: Sequence[Entry] = ()
) -> list[str]:
    """Say which rows are better than chance, by the first column and by that of cold items.

    Every row is compared with the best centered join and the best single space; where all rows are such, each with the
    one below it, by the first column.

    Args:
        board: the table.
        comparisons: of every two rows.
        references: the rows to compare with.
    """
    entries = [entry for entry in board.entries if not entry.is_baseline]
    judged = [entry for entry in entries if entry not in references]
    if not judged or not references:
        return _told(board.columns[:1], itertools.pairwise(entries), comparisons)
    found = []
    for column in board.columns:
        if column == board.columns[0] or column.metric == COLD:
            own = [row for row in comparisons if row.key == column]
            best = best_references(references, own)
            pairs = [(entry, other) for entry in judged for other in best]
            found += _told([column], pairs, own)
    return found


def best_references(references: Sequence[Entry], comparisons: Sequence[Comparison]) -> list[Entry]:
    """Return the best join and the best single space: those that stand above most others of their kind."""
    above = Counter(row.a for row in comparisons)
    kinds = ([one for one in references if ("+" in one.space) == joined] for joined in (True, False))
    return [max(kind, key=lambda entry: above[entry]) for kind in kinds if kind]


def _told(
    columns: Sequence[MetricKey], pairs: Iterable[tuple[Entry, Entry]], comparisons: Sequence[Comparison]
) -> list[str]:
    found = []
    listed = list(pairs)
    for column in columns:
        known = {frozenset((row.a, row.b)): row for row in comparisons if row.key == column}
        for pair in listed:
            row = known.get(frozenset(pair))
            if row is not None:
                sign = "=" if row.difference == 0 else ">"
                apart = "" if row.p_holm < CLEAR else ": not told apart"
                found.append(
                    f"{title(column)}: {_short(row.a)} {sign} {_short(row.b)}, "
                    f"p = {row.p_value:.3g}, {row.p_holm:.3g} for all pairs (Holm){apart}"
                )
    return found


def _names(entry: Entry) -> tuple[str, str, str]:
    return entry.feature_set, entry.space, entry.geometry


def _short(entry: Entry) -> str:
    return f"{entry.feature_set} {entry.titled}"
