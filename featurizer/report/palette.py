"""Colors that stand out on white and on black alike: each has a contrast of at least 3 with both pages."""

from __future__ import annotations

SERIES = (
    "#3b7fd4",
    "#d4700f",
    "#2b9959",
    "#dd4a50",
    "#9561d6",
    "#1690a0",
    "#d4529a",
    "#86871c",
    "#a56b46",
    "#6a72e6",
)
"""Of lines, bars and categories, in this order."""
OTHER = "#7b8794"
"""Of what is none of the named categories, and of baselines."""
LIGHT_PAGE, DARK_PAGE = "#ffffff", "#15181d"
INK, LINE = "#123457", "#234568"
"""Stand-ins for the page's own text and line colors, which follow its theme."""


PAPER = ("#1b1f24", "#d0d4da", "white")
"""Colors of a drawing: text and axes, grid lines, background."""
PAGE = (INK, LINE, "none")
"""Likewise, on no background of its own."""


def color(number: int) -> str:
    """Return the color of a series; after the last they begin again."""
    return SERIES[number % len(SERIES)]
