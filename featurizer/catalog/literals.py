"""Lists and objects that stand in a cell as text, as JSON or as Python writes them."""

from __future__ import annotations

import json
from typing import cast

from featurizer.tables.json_tables import is_deep
from featurizer.values import LONGEST_LITERAL, python_literal


def literal(text: str) -> object:
    """Return what a text says in JSON or in Python; the text itself where it says nothing, or is too long or deep."""
    if len(text) > LONGEST_LITERAL:
        return text
    for parse in (json.loads, python_literal):
        try:
            value = cast("object", parse(text))
        except (ValueError, RecursionError):
            continue
        return text if is_deep(value) else value
    return text
