"""Scores drawn: the leaderboard, the mask-modality curves, the long tail."""

from __future__ import annotations

from collections.abc import Sequence

from featurizer.report.charts.chart import Chart, Point, Series, slug
from featurizer.report.scores import Board
from featurizer.scoring.document import BASELINE, Score
from featurizer.scoring.leaderboard import COLD, HEADLINES, short_name
from featurizer.scoring.masks import MASK

MOST_LINES = 6
"""Spaces that curves and bars show, the best first; the leaderboard has all."""


def leaderboard_charts(board: Board) -> list[Chart]:
    """Draw the recalls of every space and of the baselines, with their intervals: of all items, and of cold ones."""
    title, cold = (
        f"Recall@{board.k} on the {board.split} split",
        f"Recall@{board.k} of cold items among themselves",
    )
    return [
        *_recall_chart(board, title, "leaderboard", HEADLINES[:2]),
        *_recall_chart(board, cold, "leaderboard-cold", (COLD,)),
    ]


def _recall_chart(board: Board, title: str, name: str, metrics: Sequence[str]) -> list[Chart]:
    plain = [one for one in board.scores if one.group is None and one.ratio is None]
    series: list[Series] = []
    for metric in metrics:
        mine = [one for one in plain if one.metric == metric]
        near = min((one.neighbors for one in mine if one.neighbors is not None), default=None)
        ordered = _ordered(board, [one for one in mine if one.neighbors == near])
        if ordered:
            called = short_name(metric) + (f" ({near} nearest)" if near else "")
            series.append(Series(called, tuple(_point(one, board.name(one)) for one in ordered)))
    if not series:
        return []
    ends = "_cold_recall" if COLD in metrics else "_recall"
    floors = [one for one in plain if one.is_baseline and one.metric == f"{BASELINE}_{one.space}{ends}"]
    baselines = _ordered(board, floors)
    if baselines:
        series.append(
            Series("baseline", tuple(_point(one, board.name(one)) for one in baselines), baseline=True)
        )
    return [Chart(slug(name, board.label), title, "intervals", "space", f"Recall@{board.k}", tuple(series))]


def mask_charts(board: Board) -> list[Chart]:
    """Draw what is left as more and more items lose a modality, a chart a modality."""
    mine = [one for one in board.scores if one.metric == f"{MASK}_zero_shot_recall" and one.ratio is not None]
    charts = []
    for modality in sorted({one.modality or "" for one in mine}):
        lines = [
            Series(
                board.name(curve[0]),
                tuple(sorted((_point(one, one.ratio or 0.0) for one in curve), key=_number)),
            )
            for curve in _by_entry(board, [one for one in mine if one.modality == modality])
        ]
        charts.append(
            Chart(
                slug(f"mask-{modality}", board.label),
                f"When items lose their {modality}",
                "lines",
                f"share of items without {modality}",
                f"zero-shot Recall@{board.k}, {board.split}",
                tuple(lines),
            )
        )
    return charts


def long_tail_charts(board: Board) -> list[Chart]:
    """Draw zero-shot recall by the items' popularity; none where it was not measured."""
    mine = [one for one in board.scores if one.metric == "zero_shot_recall" and one.group is not None]
    bars = [
        Series(
            board.name(groups[0]),
            tuple(_point(one, group_name(one.group)) for one in groups if one.group is not None),
        )
        for groups in _by_entry(board, mine)
    ]
    if not bars:
        return []
    y_label = f"zero-shot Recall@{board.k}, {board.split}"
    name = slug("long-tail", board.label)
    return [Chart(name, "Recall by popularity, zero-shot", "bars", "items", y_label, tuple(bars))]


def group_name(group: str) -> str:
    """Return what stands under a group's bar: `1` is the tenth of the items that is least popular."""
    if group.startswith("users_under_"):
        return f"users <{group.removeprefix('users_under_').removesuffix('_items')}"
    return "cold" if group == "cold_items" else group.removeprefix("items_decile_")


def _by_entry(board: Board, scores: Sequence[Score]) -> list[list[Score]]:
    """Gather the figures of each entry, baselines aside, the best entries first, no more than a chart can show."""
    found = [
        [one for one in scores if one.entry == entry]
        for entry in board.order
        if any(one.entry == entry and not one.is_baseline for one in scores)
    ]
    return found[:MOST_LINES]


def _ordered(board: Board, scores: Sequence[Score]) -> list[Score]:
    by_entry = {one.entry: one for one in scores}
    return [by_entry[entry] for entry in board.order if entry in by_entry]


def _point(one: Score, x: float | str) -> Point:
    return Point(x, one.value, one.ci_low, one.ci_high)


def _number(point: Point) -> float:
    return float(point.x)
