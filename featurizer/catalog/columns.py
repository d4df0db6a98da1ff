"""Cells of anybody's table as the fields of an item."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from featurizer.catalog.images.local import confined, is_file_url
from featurizer.errors import InputError
from featurizer.records import ImageRef, ItemRecord, Json

LONGEST_LITERAL = 100_000
"""A longer cell is text, even where it looks like a list."""
DEEPEST = 32
"""Lists and objects nested deeper are no cell of a table."""


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
