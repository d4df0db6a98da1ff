"""Templates whose every value is text until the template says otherwise: Markdown, HTML and YAML stay text."""

from __future__ import annotations

import json
import re

import jinja2
from markupsafe import Markup

from featurizer.resources import asset

_MARKUP = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#~&$"})
_LINK = re.compile(r":(?=//)|(?<=\bwww)\.", re.IGNORECASE)
_UNPRINTABLE = re.compile(
    "[^\\x09\\x20-\\x7e\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]"
)
"""What YAML takes only escaped; the line and paragraph separators are caught before."""


def render(template: str, values: dict[str, object]) -> str:
    """Render `cards/TEMPLATE`.

    What the template prints is escaped as Markdown unless a filter made it something else: `yaml` (a scalar of
    the front matter, also a string in Python), `code` (a code span), `cell` (a code span in a table), `block` (the
    inside of a fenced block).

    Raises:
        jinja2.UndefinedError: the template names a value that is not there.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # jinja2 would escape for HTML alone; `finalize` escapes for Markdown, which covers it
        keep_trailing_newline=True,
        finalize=lambda value: (
            value if isinstance(value, (Markup, jinja2.Undefined)) else escape_markdown(value)
        ),
    )
    environment.filters |= {
        "yaml": lambda value: Markup(yaml_scalar(_defined(value))),
        "json": lambda value: json.dumps(_defined(value), ensure_ascii=False),
        "code": lambda value: Markup(code_span(value)),
        "cell": lambda value: Markup(code_span(value).replace("|", "\\|")),
        "block": lambda value: Markup(one_block(value)),
        "thousands": lambda value: Markup(f"{int(value):,}"),
    }
    return environment.from_string((asset("cards") / template).read_text("utf-8")).render(**values)


def _defined(value: object) -> object:
    """Return the value; of one that is not there, raise as printing it would."""
    if isinstance(value, jinja2.Undefined):
        str(value)
    return value


def escape_markdown(text: object) -> str:
    """Return text that Markdown and HTML show as it is, on one line."""
    line = " ".join(str(text).split()).translate(_MARKUP)
    return _LINK.sub(lambda found: f"\\{found[0]}", line)


def code_span(text: object) -> str:
    """Return a code span that shows the text, whatever backticks are in it, on one line."""
    line = " ".join(str(text).split()) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    padding = " " if "`" in line else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def one_block(text: object) -> str:
    """Return text that cannot close the fenced block around it."""
    return re.sub(r"(?m)^(\s*)(```+|~~~+)", r"\1 ", str(text))


def yaml_scalar(value: object) -> str:
    """Return a scalar or list as YAML on one line; texts always quoted."""
    text = json.dumps(value, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
