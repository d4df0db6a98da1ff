"""What the page says of an item: its title, its categories, its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from featurizer.catalog.store import Catalog
from featurizer.report.categories import Categories, read_levels

LONGEST_TITLE = 160


@dataclass(frozen=True, slots=True)
class Words:
    """Titles and category paths of n items; an item of no catalogue has neither.

    Attributes:
        titles: None where there is none.
        paths: from general to special.
        levels: of the category tree, each as colours.
        known: how many of the items a catalogue has.
    """

    titles: tuple[str | None, ...]
    paths: tuple[tuple[str, ...], ...]
    levels: tuple[Categories, ...]
    known: int


def read_words(catalogs: Sequence[Catalog], item_ids: Sequence[str]) -> Words:
    """Look the items up in the catalogues; the first that has an item counts."""
    wanted = frozenset(item_ids)
    found: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    for catalog in catalogs:
        columns = [catalog.column(name).to_pylist() for name in ("item_id", "title", "categories")]
        for item, title, path in zip(*columns, strict=True):
            if item in wanted:
                found.setdefault(item, (_shortened(title), tuple(name for name in path or () if name)))
    titles = tuple(found[item][0] if item in found else None for item in item_ids)
    paths = tuple(found[item][1] if item in found else () for item in item_ids)
    return Words(titles, paths, tuple(read_levels(paths)), len(found))


def _shortened(title: str | None) -> str | None:
    text = " ".join((title or "").split())
    if not text:
        return None
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"
