"""A line of JSON as a row, whatever its publisher took JSON to be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from featurizer.records import Json

_HALF_CHARACTER = r"\ud"


def json_object(line: str) -> dict[str, Json]:
    """Parse a line of JSON.

    Raises:
        ValueError: not JSON, or not an object.
    """
    try:
        row = json.loads(line, parse_constant=_nothing)
    except json.JSONDecodeError as error:  # its own words count lines, of which this is one
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    if not isinstance(row, dict):
        raise ValueError(f"a JSON {type(row).__name__}, expected an object")
    return plain_object(row) if _HALF_CHARACTER in line.lower() else row


def plain_object(row: Mapping[Any, object]) -> dict[str, Json]:
    """Return a parsed line as JSON can hold it, with characters that were escaped in halves made whole.

    Raises:
        ValueError: a key that is no text, or a value that is no JSON (a set, bytes).
    """
    strange = next((key for key in row if not isinstance(key, str)), None)
    if strange is not None:
        raise ValueError(f"a key that is a {type(strange).__name__}, expected text")
    return {_whole(str(key)): _plain(value) for key, value in row.items()}


def _plain(value: object) -> Json:
    if isinstance(value, str):
        return _whole(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return plain_object(value)
    raise ValueError(f"a value that is a {type(value).__name__}, expected what JSON can hold")


def _whole(value: str) -> str:
    # half a surrogate pair, as a cut-off text leaves it, can be stored in no file
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _nothing(_constant: str) -> None:
    """Read NaN and Infinity, which are no JSON, as an empty cell."""
