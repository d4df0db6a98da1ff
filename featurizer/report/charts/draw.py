"""Draws charts with matplotlib: SVG in the page's own colors, PNG on white."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from featurizer.report.charts.chart import Chart, Series
from featurizer.report.palette import INK, LINE, OTHER, PAGE, PAPER, color

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.8
"""Inches: as wide as a phone, so that its letters are no smaller than the page's there."""
DPI = 200
LONGEST_LABEL = 34


def svg(chart: Chart) -> str:
    """Draw a chart as an `<svg>` element whose text and lines take the page's colors; same chart, same text."""
    drawn = io.StringIO()
    with style(*PAGE, salt=chart.slug):
        draw(chart).savefig(
            drawn, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    element = drawn.getvalue()
    element = element[element.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", element, flags=re.DOTALL)
    element = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", element, count=1)
    element = element.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    return element.replace(INK, "currentColor").replace(LINE, "var(--line)")


def png(chart: Chart) -> bytes:
    """Draw a chart for a paper; same chart, same bytes."""
    drawn = io.BytesIO()
    with style(*PAPER, salt=chart.slug):
        draw(chart).savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    return drawn.getvalue()


def draw(chart: Chart) -> Figure:
    """Draw a chart; the style must be set, as `svg` and `png` do."""
    rows = len(chart.places)
    height = 1.1 + 0.34 * rows if chart.kind == "intervals" else 2.9
    figure, axes = empty(height)
    for number, one in enumerate(chart.series):
        _KINDS[chart.kind](axes, chart, one, number)
    axes.grid(axis="x" if chart.kind == "intervals" else "y")
    axes.set_axisbelow(True)
    axes.set_xlabel(chart.y_label if chart.kind == "intervals" else chart.x_label)
    if chart.kind == "intervals":
        axes.set_yticks(range(rows), [_short(str(x)) for x in chart.places])
        axes.invert_yaxis()
        axes.margins(y=0.5 / max(rows, 1))
    else:
        axes.set_ylabel(chart.y_label)
    if chart.kind == "bars":
        axes.set_xticks(range(rows), [_short(str(x)) for x in chart.places])
    if len(chart.series) > 1:
        figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize="small")
    return figure


@contextmanager
def style(ink: str, line: str, background: str, *, salt: str) -> Iterator[None]:
    """Set colors and fonts while the block draws; `salt` makes the ids of an SVG its own, and the same twice."""
    from matplotlib import rc_context

    settings: dict[Any, str | float | bool] = {
        "text.parse_math": False,
        "svg.hashsalt": salt,
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9.5,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": line,
        "xtick.color": ink,
        "ytick.color": ink,
        "grid.color": line,
        "grid.linewidth": 0.7,
        "figure.facecolor": background,
    }
    with rc_context(settings), warnings.catch_warnings():
        # a name in a script that the font lacks; the page's own font has it
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        yield


def empty(height: float) -> tuple[Figure, Axes]:
    """Return a figure of the usual width, `height` inches high, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    axes.set_facecolor("none")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _lines(axes: Axes, chart: Chart, one: Series, number: int) -> None:
    xs = [float(point.x) for point in one.points]
    ys = [point.y for point in one.points]
    shade = OTHER if one.baseline else color(number)
    marker = "o" if len(xs) <= 12 else None
    axes.plot(xs, ys, color=shade, label=_short(one.name), marker=marker, markersize=4)
    bounds = [(point.low, point.high) for point in one.points]
    if all(low is not None and high is not None for low, high in bounds):
        axes.fill_between(
            xs, [low or 0.0 for low, _ in bounds], [high or 0.0 for _, high in bounds], color=shade, alpha=0.18,
            linewidth=0,
        )  # fmt: skip


def _bars(axes: Axes, chart: Chart, one: Series, number: int) -> None:
    width = 0.8 / len(chart.series)
    places = [chart.places.index(point.x) - 0.4 + width * (number + 0.5) for point in one.points]
    axes.bar(
        places,
        [point.y for point in one.points],
        width * 0.92,
        color=OTHER if one.baseline else color(number),
        label=_short(one.name),
        yerr=_errors(one),
        ecolor=axes.xaxis.label.get_color(),
        error_kw={"elinewidth": 0.8},
    )


def _intervals(axes: Axes, chart: Chart, one: Series, number: int) -> None:
    spread = 0.16 * (number - (len(chart.series) - 1) / 2)
    places = [chart.places.index(point.x) + spread for point in one.points]
    axes.errorbar(
        [point.y for point in one.points],
        places,
        xerr=_errors(one),
        fmt="o",
        markersize=5,
        capsize=3,
        color=OTHER if one.baseline else color(number),
        label=_short(one.name),
    )


def _errors(one: Series) -> list[list[float]]:
    return [
        [max(0.0, point.y - (point.y if point.low is None else point.low)) for point in one.points],
        [max(0.0, (point.y if point.high is None else point.high) - point.y) for point in one.points],
    ]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 13]}…{text[-12:]}"


_KINDS = {"lines": _lines, "bars": _bars, "intervals": _intervals}
