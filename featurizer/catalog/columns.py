"""Cells of anybody's table as the fields of an item."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import TypeGuard
from urllib.parse import urlsplit

from featurizer.catalog.categories import as_categories
from featurizer.catalog.literals import literal
from featurizer.catalog.picture_cells import DIVIDER, NO_PICTURE, reference, several
from featurizer.errors import InputError
from featurizer.records import ImageRef, ItemRecord
from featurizer.values import as_id, as_text, plain


def to_record(
    row: Mapping[str, object],
    names: Mapping[str, str],
    images: Sequence[ImageRef],
    *,
    item_id: str | None = None,
    id_bits: int = 64,
    further: Collection[str] = (),
    commas: bool = False,
) -> ItemRecord:
    """Build an item from a row; the columns that are no field become `extra`.

    Args:
        row: of any table.
        names: which column each field is read from.
        images: the item's pictures.
        item_id: where it is known already.
        id_bits: `float_bits` of the column of ids.
        further: columns of pictures that are no own columns either.
        commas: whether commas divide categories.

    Raises:
        InputError: a value cannot be what its column is read as; names column and item.
    """
    used = {*names.values(), *further}
    try:
        return ItemRecord(
            item_id=item_id or as_id(row.get(names["item_id"]), bits=id_bits) or "",
            title=as_text(row.get(names.get("title", ""))),
            brand=as_text(row.get(names.get("brand", ""))),
            description=as_text(row.get(names.get("description", ""))),
            categories=as_categories(row.get(names.get("categories", "")), commas=commas),
            image=images[0] if images else ImageRef(),
            further=tuple(images[1:]),
            extra={
                name: value if value.__class__ is str else plain(value)
                for name, value in row.items()
                if name not in used
            },
        )
    except InputError as error:
        raise _placed(error, row, names, id_bits) from error


def _placed(
    error: InputError, row: Mapping[str, object], names: Mapping[str, str], id_bits: int
) -> InputError:
    """Return an error of a row with the column and the item that it is about."""
    readers: dict[str, Callable[[object], object]] = {
        "item_id": partial(as_id, bits=id_bits), "categories": as_categories, "image": lambda _: None,
    }  # fmt: skip
    reading = {column: readers.get(field, as_text) for field, column in names.items()}
    for column, value in row.items():
        try:
            reading.get(column, plain)(value)
        except InputError:
            return InputError(f"column {column} of the item {row.get(names['item_id'])!r}: {error}")
    return error


def as_images(value: object, folder: Path | None) -> list[ImageRef]:
    """Return the pictures of a cell: structs of bytes and path, texts as `picture_cells` reads them, lists of these.

    A relative path starts at `folder`; a file that lies outside of it, however it is named, is refused.
    """
    if isinstance(value, (list, tuple)):
        return [ref for one in value for ref in as_images(one, folder)]
    if isinstance(value, Mapping):
        return _image_struct(value, folder)
    if isinstance(value, bytes) and not _is_name(value):
        return [ImageRef(data=value)]
    text = as_text(value)
    if text is None or text.casefold() in NO_PICTURE:
        return []
    if text.startswith("["):
        parsed = literal(text)
        if not isinstance(parsed, str):
            return as_images(parsed, folder)
    return [reference(part, folder) for part in several(text)]


def is_one_text(value: object) -> TypeGuard[str]:
    """Say whether a cell of pictures is a text that names no more than one, as nearly all are."""
    return isinstance(value, str) and not DIVIDER.search(value)


def file_name(value: object) -> str | None:
    """Return the name of a picture's file without its suffix, folders included: `shoes/red` of `shoes/red.png`."""
    if isinstance(value, list | tuple):
        return file_name(value[0]) if value else None
    if isinstance(value, Mapping):
        value = value.get("path")
    text = as_text(value)
    if text is None:
        return None
    path = PurePosixPath(urlsplit(text).path if "://" in text else text)
    name = path.name if "://" in text or path.is_absolute() else str(path)
    return name.removesuffix(path.suffix) or None


def _is_name(value: bytes) -> bool:
    """Tell a path or address, as some programs store text, from a picture: those hold NUL or bytes that are no text."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable() and not text.lstrip().startswith("<")


def _image_struct(value: Mapping[str, object], folder: Path | None) -> list[ImageRef]:
    data, name = value.get("bytes"), value.get("path")
    if isinstance(data, bytes):
        return [ImageRef(data=data, name=name if isinstance(name, str) else None)]
    lists = {key: cells for key, cells in value.items() if isinstance(cells, list | tuple)}
    if lists:  # of every key those of all pictures, as `datasets` stores a sequence of objects
        rows = (dict(zip(lists, cells, strict=True)) for cells in zip_longest(*lists.values()))
        return [ref for row in rows for ref in _image_struct(row, folder)]
    for key in ("path", "url", "src", "hi_res", "large", "thumb", "link", "href"):
        if value.get(key):
            return as_images(value[key], folder)
    return []
