"""What the page says of an item: its title, its categories, its picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from featurizer.catalog.label_in_text import share_in_text
from featurizer.catalog.store import Catalog
from featurizer.report.categories import Categories, colored, read_levels

LONGEST_TITLE = 160
ROWS = 8192
"""Items of a catalog that are looked at at once."""


@dataclass(frozen=True, slots=True)
class ItemTexts:
    """Titles and category paths of n items; an item of no catalog has neither.

    Attributes:
        titles: None where there is none.
        paths: from general to special.
        levels: the labels asked for, then those of the category tree, each as colors.
        known: how many of the items a catalog has.
    """

    titles: tuple[str | None, ...]
    paths: tuple[tuple[str, ...], ...]
    levels: tuple[Categories, ...]
    known: int


def read_words(catalogs: Sequence[Catalog], item_ids: Sequence[str], labels: Sequence[str] = ()) -> ItemTexts:
    """Look the items up in the catalogs; the first that has an item counts.

    Args:
        catalogs: all that are shown.
        item_ids: n items.
        labels: columns of the catalogs to color by.

    Raises:
        InputError: a catalog lacks one of these columns.
    """
    wanted = pa.array(item_ids, pa.string())
    found: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    for catalog in catalogs:
        for item, title, path in _rows(catalog, wanted, ("title", "categories")):
            found.setdefault(item, (_shortened(title), tuple(name for name in path or () if name)))
    titles = tuple(found[item][0] if item in found else None for item in item_ids)
    paths = tuple(found[item][1] if item in found else () for item in item_ids)
    chosen = [colored(label, _values(catalogs, item_ids, label)) for label in labels]
    levels = read_levels(paths) if any(paths) or not chosen else []
    texts = _values(catalogs, item_ids, "text")
    told = (replace(level, in_text=share_in_text(level.labels, texts)) for level in (*chosen, *levels))
    return ItemTexts(titles, paths, tuple(told), len(found))


def _rows(catalog: Catalog, wanted: pa.Array, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the ids of a catalog's items that are wanted, each with its values of some columns."""
    names = ["item_id", *columns]
    for batch in catalog.batches(names, size=ROWS):
        rows = batch.filter(pc.is_in(batch.column("item_id"), wanted))
        yield from zip(*(rows.column(name).to_pylist() for name in names), strict=True)


def _values(catalogs: Sequence[Catalog], item_ids: Sequence[str], label: str) -> list[str | None]:
    found: dict[str, object] = {}
    wanted = pa.array(item_ids, pa.string())
    for catalog in reversed(catalogs):
        catalog.check_column(label)
        found.update(_rows(catalog, wanted, (label,)))
    values = [found.get(item) for item in item_ids]
    return [None if value is None else str(value) for value in values]


def _shortened(title: str | None) -> str | None:
    text = " ".join((title or "").split())
    if not text:
        return None
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"
