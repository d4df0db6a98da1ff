"""What the page says of an item: its title, its categories, its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from featurizer.catalog.label_in_text import share_in_text
from featurizer.catalog.store import Catalog
from featurizer.report.categories import Categories, colored, read_levels

LONGEST_TITLE = 160


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
    wanted = frozenset(item_ids)
    found: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    for catalog in catalogs:
        columns = [catalog.column(name).to_pylist() for name in ("item_id", "title", "categories")]
        for item, title, path in zip(*columns, strict=True):
            if item in wanted:
                found.setdefault(item, (_shortened(title), tuple(name for name in path or () if name)))
    titles = tuple(found[item][0] if item in found else None for item in item_ids)
    paths = tuple(found[item][1] if item in found else () for item in item_ids)
    chosen = [colored(label, _values(catalogs, item_ids, label)) for label in labels]
    levels = read_levels(paths) if any(paths) or not chosen else []
    texts = _values(catalogs, item_ids, "text")
    told = (replace(level, in_text=share_in_text(level.labels, texts)) for level in (*chosen, *levels))
    return ItemTexts(titles, paths, tuple(told), len(found))


def _values(catalogs: Sequence[Catalog], item_ids: Sequence[str], label: str) -> list[str | None]:
    found: dict[str, object] = {}
    for catalog in reversed(catalogs):
        columns = [catalog.column(name).to_pylist() for name in ("item_id", label)]
        found.update(zip(*columns, strict=True))
    values = [found.get(item) for item in item_ids]
    return [None if value is None else str(value) for value in values]


def _shortened(title: str | None) -> str | None:
    text = " ".join((title or "").split())
    if not text:
        return None
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"
