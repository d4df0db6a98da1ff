"""Cells of categories: a list, a path, or several paths, as shops write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from featurizer.catalog.literals import literal
from featurizer.values import as_text

SHORT = 200
"""Letters; how cells that are no longer are read is remembered."""
_COMMA = re.compile(r"(?<!\\),")
_NAMED_TOGETHER = re.compile(r",[^,>]*\s(?:&|and|und|et|y|e|en)\s", re.IGNORECASE)
"""A comma inside one name: `Dolls, Playsets & Toy Figures`."""


def as_categories(value: object, *, commas: bool = False) -> tuple[str, ...]:
    r"""Return a cell as categories: a list, a JSON or Python list in text, or text split at `|` and `>`.

    A `>` without blanks around it divides nothing in a text with markup. A comma divides paths, `A > B, C > D`, unless
    it stands inside a name (`Dolls, Playsets & Toy Figures`, or `\,` as WooCommerce writes it).

    Args:
        value: of any kind.
        commas: whether every comma divides, as `divided_by_commas` says of the column.
    """
    if isinstance(value, bytes):
        value = as_text(value)
    if isinstance(value, str) and len(value) <= SHORT:
        return _same_categories(value, commas)
    return _categories(value, commas)


@lru_cache(4096)
def _same_categories(value: str, commas: bool) -> tuple[str, ...]:  # noqa: FBT001 - what is remembered has places
    """Remember what was read: items share their categories."""
    return _categories(value, commas)


def _categories(value: object, commas: bool) -> tuple[str, ...]:  # noqa: FBT001
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = literal(value)
    if isinstance(value, str):
        bare = ">" if "<" not in value else " > "
        text = value.replace("&gt;", ">")
        listed = commas or _lists_paths(text, bare)
        paths = text.split("|") if "|" in text else _COMMA.split(text) if listed else [text]
        parts = (part.replace("\\,", ",") for path in paths for part in path.split(bare))
        return tuple(dict.fromkeys(filter(None, map(as_text, parts))))
    if isinstance(value, (list, tuple)):
        flat = (part for entry in value for part in (entry if isinstance(entry, (list, tuple)) else [entry]))
        return tuple(dict.fromkeys(filter(None, map(as_text, flat))))
    text_of_it = as_text(value)
    return (text_of_it,) if text_of_it else ()


def _lists_paths(text: str, sign: str = ">") -> bool:
    """Say whether commas of a text divide paths."""
    return sum(sign in part for part in _COMMA.split(text)) > 1 and not _NAMED_TOGETHER.search(text)


def divided_by_commas(cells: Iterable[object]) -> bool:
    r"""Say whether commas divide the cells of a column, as WooCommerce writes them: some list paths, or write `\,`.

    Where as many have a comma inside a name, they do not.
    """
    lists = [cell for cell in cells if isinstance(cell, str) and "," in cell and "|" not in cell]
    texts = [cell.replace("&gt;", ">") for cell in lists]
    if any("\\," in text for text in texts):
        return True
    listing = sum(map(_lists_paths, texts))
    return listing > sum(bool(_NAMED_TOGETHER.search(text)) for text in texts)
