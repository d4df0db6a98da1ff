"""Which column of anybody's table is which field of an item, by its usual names or as told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from featurizer.config import Config
from featurizer.errors import InputError, UnknownName
from featurizer.text_files import separator_hint

USUAL: Mapping[str, tuple[str, ...]] = {
    "item_id": ("item_id", "itemid", "id", "parent_asin", "asin", "_id"),
    "title": ("title", "name"),
    "brand": ("brand", "store"),
    "categories": ("categories", "category", "genres"),
    "description": ("description",),
    "image": ("image", "imurl", "image_url", "images", "image_path", "file_name"),
}


class ColumnNames(Config):
    """The user's own choice of columns; None means: by the usual names."""

    item_id: str | None = None
    """The item's id; unique, never empty."""
    title: str | None = None
    """The product's name."""
    brand: str | None = None
    """The maker or shop."""
    categories: str | None = None
    """A list, or a text split at `|` or ` > `."""
    description: str | None = None
    """Free text."""
    image: str | None = None
    """A path, an http(s) or file URL, or the picture itself."""

    def resolve(self, columns: Sequence[str], *, origin: str) -> dict[str, str]:
        """Say which of `columns` each field is read from; fields that are absent are left out.

        Raises:
            UnknownName: a chosen column is not there.
            InputError: no column is an item id.
        """
        found: dict[str, str] = {}
        folded = {name.casefold(): name for name in reversed(columns)}
        for field, usual in USUAL.items():
            chosen = getattr(self, field)
            if chosen is not None and chosen not in columns:
                raise UnknownName(
                    f"column of {origin}", chosen, columns, advice=separator_hint(columns).strip()
                )
            name = chosen or next((folded[name] for name in usual if name in folded), None)
            if name is not None and (chosen or name not in found.values()):
                found[field] = name
        if "item_id" not in found:
            raise InputError(
                f"{origin} has no column that is an item id (looked for {', '.join(USUAL['item_id'])}); "
                f"it has: {', '.join(columns)}. Name one with --item-id-column.{separator_hint(columns)}"
            )
        return found
