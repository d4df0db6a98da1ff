"""Which column of anybody's table is which field of an item, by its usual names or as told."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from featurizer.catalog.images.local import confined, is_file_url
from featurizer.config import Model
from featurizer.errors import InputError, UnknownName
from featurizer.records import ImageRef, ItemRecord, Json

USUAL: Mapping[str, tuple[str, ...]] = {
    "item_id": ("item_id", "itemid", "id", "asin", "parent_asin"),
    "title": ("title", "name"),
    "brand": ("brand", "store"),
    "categories": ("categories", "category", "genres"),
    "description": ("description",),
    "image": ("image", "imurl", "image_url", "images", "image_path", "file_name"),
}

LONGEST_LITERAL = 100_000
"""A longer cell is text, even where it looks like a list."""
DEEPEST = 32
"""Lists and objects nested deeper are no cell of a table."""


class ColumnNames(Model):
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
                raise UnknownName(f"column of {origin}", chosen, columns)
            name = chosen or next((folded[name] for name in usual if name in folded), None)
            if name is not None and (chosen or name not in found.values()):
                found[field] = name
        if "item_id" not in found:
            one = (
                f" It seems to be separated by '{_separator(columns[0])}': save it with commas."
                if len(columns) == 1
                else ""
            )
            raise InputError(
                f"{origin} has no column that is an item id (looked for {', '.join(USUAL['item_id'])}); "
                f"it has: {', '.join(columns)}. Name one with --item-id-column.{one if _separator(columns[0]) else ''}"
            )
        return found


def _separator(header: str) -> str:
    return next((mark for mark in ";|\t" if mark in header), "")


def to_record(row: Mapping[str, object], names: Mapping[str, str], image: ImageRef) -> ItemRecord:
    """Build an item from a row; the columns that are no field become `extra`."""
    used = set(names.values())
    return ItemRecord(
        item_id=as_text(row.get(names["item_id"])) or "",
        title=_field(row, names, "title"),
        brand=_field(row, names, "brand"),
        description=_field(row, names, "description"),
        categories=as_categories(row.get(names["categories"])) if "categories" in names else (),
        image=image,
        extra={name: cast("Json", value) for name, value in row.items() if name not in used},
    )


def _field(row: Mapping[str, object], names: Mapping[str, str], field: str) -> str | None:
    return as_text(row.get(names[field])) if field in names else None


def as_text(value: object) -> str | None:
    """Return a cell as text; None for an empty cell. Lists are joined by spaces."""
    if value is None or value != value:
        return None
    if isinstance(value, (list, tuple)):
        return as_text(" ".join(filter(None, map(as_text, value))))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def as_categories(value: object) -> tuple[str, ...]:
    """Return a cell as categories: a list, a JSON or Python list in text, or text split at `|` or ` > `."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _literal(value)
    if isinstance(value, str):
        value = value.split("|") if "|" in value else value.split(" > ")
    if isinstance(value, (list, tuple)):
        flat = (part for entry in value for part in (entry if isinstance(entry, (list, tuple)) else [entry]))
        return tuple(dict.fromkeys(filter(None, map(as_text, flat))))
    text = as_text(value)
    return (text,) if text else ()


def _literal(text: str) -> object:
    if len(text) > LONGEST_LITERAL:
        return text
    for parse in (json.loads, ast.literal_eval):
        try:
            value = cast("object", parse(text))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return text if is_deep(value) else value
    return text


def is_deep(value: object) -> bool:
    """Tell whether a value nests lists and objects deeper than any cell has reason to."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for entry in level
            if isinstance(entry, (list, tuple, dict))
            for part in (entry.values() if isinstance(entry, dict) else entry)
        ]
        if not level:
            return False
    return True


def as_image(value: object, folder: Path | None) -> ImageRef:
    """Return a cell as a picture: a struct of bytes and path, a URL, a path below `folder`, or the first of a list.

    An absolute path stays as it is; a relative one that leads out of `folder` is refused.
    """
    if isinstance(value, (list, tuple)):
        return as_image(value[0], folder) if value else ImageRef()
    if isinstance(value, Mapping):
        return _image_struct(value, folder)
    if isinstance(value, bytes):
        return ImageRef(data=value)
    text = as_text(value)
    if text is None:
        return ImageRef()
    if text.startswith("["):
        parsed = _literal(text)
        if not isinstance(parsed, str):
            return as_image(parsed, folder)
    if "://" in text or is_file_url(text):
        return ImageRef(url=text)
    path = Path(text)
    if folder is None or path.is_absolute():
        return ImageRef(path=path)
    return confined(ImageRef(path=folder / path), folder)


def _image_struct(value: Mapping[str, object], folder: Path | None) -> ImageRef:
    data, name = value.get("bytes"), value.get("path")
    if isinstance(data, bytes):
        return ImageRef(data=data, name=name if isinstance(name, str) else None)
    for key in ("path", "url", "hi_res", "large", "thumb"):
        if value.get(key):
            return as_image(value[key], folder)
    return ImageRef()


def images_by_id(folder: Path, suffixes: Iterable[str]) -> dict[str, Path]:
    """Map file stems to the pictures of a folder, its subfolders included; of equal stems the first by path.

    Raises:
        InputError: the folder is not there or holds no picture.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder; expected pictures named by item id, or the folder that image paths start from"
        )
    wanted = set(suffixes)
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in wanted:
            found.setdefault(path.stem, path)
    if not found:
        raise InputError(f"{folder} holds no picture; expected files ending in {', '.join(sorted(wanted))}")
    return found
