"""One conversion of anybody's values: to what JSON holds, to text, to an id; wherever they come from."""

from __future__ import annotations

import ast
import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from math import inf
from typing import cast
from uuid import UUID

from featurizer.errors import InputError
from featurizer.records import Json

NOTHING = frozenset({"", "nan", "NaN", "NaT", "None", "null", "NULL", "<NA>"})
"""What programs write into a cell that is empty."""
LONGEST_LITERAL = 100_000
"""Characters; a longer cell is text, even where it looks like a value of Python."""
EXACT = {16: 2**11, 32: 2**24, 64: 2**53}
"""From here on a float of so many bits does not tell neighboring whole numbers apart."""
_USUAL = re.compile(r"[A-Za-z0-9_-]+")
_FLOAT = re.compile(r"(-?[0-9]+)\.0+")
_BYTES = re.compile(r"b(['\"]).*\1", re.DOTALL)
_OBJECT_ID = re.compile(
    r"ObjectId\([\"']?([0-9a-fA-F]{24})[\"']?\)|\{\s*[\"']\$oid[\"']\s*:\s*[\"']([^\"']+)[\"']\s*\}"
)
_PADDING = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\ufeff\u200b\x00"


def counted(count: int, one: str, several: str) -> str:
    """Return a number with what it counts: `1 row repeats`, `1,200 rows repeat`."""
    return f"{count:,} {one if count == 1 else several}"


def plain(value: object) -> Json:
    """Return a value as JSON holds it.

    A decimal keeps its digits and a date is ISO text; bytes are decoded as UTF-8, or base64 where they are no text;
    NaN is None, in a list or an object infinity too; MongoDB's `{"$oid": "…"}` and its like are what they wrap.

    Raises:
        InputError: it is of a kind that no table holds.
    """
    if isinstance(value, str) or value is None:
        return value
    value = _native(value)
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | time | timedelta | UUID):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _text_of(bytes(value)) or base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        ((key, inner),) = value.items() if len(value) == 1 else [(None, None)]
        if isinstance(key, str) and key.startswith("$"):
            return plain(inner)
        return {str(name): _part(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_part(part) for part in value]
    raise InputError(f"a value is a {type(value).__name__}; expected text, a number, a date, bytes or a list")


def _part(value: object) -> Json:
    found = plain(value)
    return None if isinstance(found, float) and abs(found) == inf else found


def as_text(value: object) -> str | None:
    """Return a value as text; None for an empty one (`NOTHING`). A list is joined by spaces, an object is JSON.

    Text such as `b'Enamel mug'`, as programs print bytes, is what the bytes say.

    Raises:
        InputError: bytes that are no UTF-8, or a value of a kind that no table holds.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        text = _unwrapped(text) if text.startswith("b") else text
        return None if text in NOTHING else text
    if isinstance(value, bytes):
        words = _text_of(value)
        if words is None:
            raise InputError(
                f"{len(value)} bytes that begin {value[:8]!r} are no UTF-8 text; expected text here. "
                "Name another column, or store it as text"
            )
        return as_text(words)
    if isinstance(value, list | tuple):
        return as_text(" ".join(filter(None, map(as_text, value))))
    value = plain(value)
    if isinstance(value, list):
        return as_text(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else _unwrapped(str(value).strip())
    return None if text in NOTHING else text


def as_id(value: object, *, bits: int = 64) -> str | None:
    """Return a value as an id; None for an empty one. The rule is the same wherever ids come from, so that they meet.

    `100.0`, as pandas leaves whole numbers beside an empty cell, is 100, as a number and as text; spaces, byte order
    marks and NUL around it are padding; letters with marks are composed (NFC); bytes and MongoDB's `ObjectId(…)`, as
    text too, are what they hold. Leading zeros stay: `007` is not 7.

    Args:
        value: of any kind.
        bits: how many the column has that a Python float was read from; a number of numpy knows its own.

    Raises:
        InputError: a float so large that its last digits are lost, or no id at all.
    """
    if isinstance(value, str) and _USUAL.fullmatch(value):
        return None if value in NOTHING else value
    bits = 8 * getattr(value, "itemsize", bits // 8)
    value = _native(value)
    if isinstance(value, float) and EXACT[bits] <= abs(value) < inf:
        raise InputError(
            f"the id {value:.0f} is a float of {bits} bits, which has lost its last digits; expected text or whole "
            "numbers"
        )
    text = as_text(value)
    if text is None:
        return None
    text = unicodedata.normalize("NFC", text).strip(_PADDING)
    if wrapped := _OBJECT_ID.fullmatch(text):
        return as_id(wrapped[1] or wrapped[2])
    if (inner := _unwrapped(text)) != text:
        return as_id(inner)
    if whole := _FLOAT.fullmatch(text):
        text = whole[1]
    return None if text in NOTHING else text


def as_ids(values: Iterable[object], origin: str) -> list[str]:
    """Return a list of values as ids, by the same rule.

    Args:
        values: one a row.
        origin: what an error begins with.

    Raises:
        InputError: one is missing, or can be no id.
    """
    found = [as_id(value) for value in values]
    if None in found:
        raise InputError(f"{origin}: the id of row {found.index(None)} is missing; expected one a row")
    return [item for item in found if item is not None]


def python_literal(text: str, *, longest: int | None = LONGEST_LITERAL) -> object:
    """Parse a value as Python writes it, whatever anyone put there.

    Args:
        text: from anywhere.
        longest: characters it may have; None for any number.

    Raises:
        ValueError: it is no such value, longer, or nested deeper than Python parses.
    """
    if longest is not None and len(text) > longest:
        raise ValueError(f"{len(text):,} characters, expected at most {longest:,}")
    try:
        return cast("object", ast.literal_eval(text))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"no Python literal: {error}") from error


def _native(value: object) -> object:
    """Return a number or an array of numpy as Python's own, the `NA` of pandas as None."""
    if type(value).__name__ == "NAType":  # equal to nothing, nor different: it has no truth
        return None
    return value.tolist() if hasattr(value, "tolist") else value


def _unwrapped(text: str) -> str:
    """Return what bytes that were printed as `b'…'` say; other text as it is."""
    if not _BYTES.fullmatch(text):
        return text
    try:
        value = python_literal(text)
    except ValueError:
        return text
    inner = _text_of(value) if isinstance(value, bytes) else None
    return text if inner is None else inner


def _text_of(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None
