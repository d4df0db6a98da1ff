"""The page: templates, styles and programs of `cards/report` and the data, in one HTML file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import jinja2
from markupsafe import Markup

from featurizer.records import Json
from featurizer.report.charts.chart import Chart
from featurizer.report.charts.draw import svg
from featurizer.report.pack import script_json
from featurizer.resources import asset

THEME = "theme.js"
"""Runs before anything is shown."""
PROGRAMS = ("data.js", "view.js", "gestures.js", "map.js", "combobox.js", "explorer.js", "main.js")
"""Run at the end, in this order."""


def render_page(values: dict[str, object], data: dict[str, Json]) -> str:
    """Return the page.

    Whatever a template prints is escaped for HTML; the data stand in an element that is never run.

    Args:
        values: what `cards/report/page.html.j2` names.
        data: as `page_data` returns it; the map and the explorer are left out without spaces.

    Raises:
        jinja2.UndefinedError: the template names a value that is not there.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"svg": _svg, "thousands": lambda number: f"{number:,}"}
    theme, programs = _asset(THEME), [_asset(name) for name in PROGRAMS]
    return environment.get_template("page.html.j2").render(
        **values,
        policy=_policy([theme, *programs]),
        style=Markup(_asset("style.css")),
        theme=Markup(theme),
        programs=[Markup(program) for program in programs],
        data=Markup(script_json(data)),
    )


def _policy(programs: Sequence[str]) -> str:
    """Return a policy under which the page fetches nothing and runs these programs alone, by their hashes."""
    hashes = (base64.b64encode(hashlib.sha256(program.encode()).digest()).decode() for program in programs)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    closed = "default-src 'none'; base-uri 'none'; form-action 'none'"
    return f"{closed}; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"


def _svg(chart: Chart) -> Markup:
    # matplotlib writes the text of a chart escaped as XML
    return Markup(svg(chart))


def _asset(name: str) -> str:
    return (asset("cards") / "report" / name).read_text("utf-8")
