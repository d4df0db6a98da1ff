"""The columns of a catalog, and items laid out in them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

import pyarrow as pa

from featurizer.catalog.files_below import readable
from featurizer.catalog.images.local import FORBIDDEN
from featurizer.catalog.text import TextRecipe
from featurizer.discretion import public, public_address, throughout
from featurizer.errors import InputError
from featurizer.records import NONE, ImageRef, ItemRecord, Json

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
CORE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        ("title", pa.string()),
        ("brand", pa.string()),
        ("description", pa.string()),
        ("categories", pa.list_(pa.string())),
        ("text", pa.string()),
        ("image", IMAGE_TYPE),
        pa.field("image_status", pa.string(), nullable=False),
        ("image_url", pa.string()),
        ("image_sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ]
)
OUTCOME_TYPE = pa.struct(
    [
        ("status", pa.string()),
        ("url", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ]
)
SEVERAL = pa.schema([("images", pa.list_(IMAGE_TYPE)), ("image_outcomes", pa.list_(OUTCOME_TYPE))])
"""The columns that stand behind the core columns where any item names several pictures."""
OTHER = "other_fields"
"""Where a streamed source's keys go that its first lines did not show; JSON."""


def catalog_schema(extra: Mapping[str, pa.DataType], *, several: bool = False) -> pa.Schema:
    """Return the schema of the parts: the catalog's columns, then the source's own under their own names.

    A source column that is called like one of the catalog's is stored as `source_<name>`.

    Args:
        extra: the source's own columns.
        several: whether any item names several pictures.
    """
    core = [*CORE, *(SEVERAL if several else ())]
    own = {field.name for field in core}
    fields = [*core, *(pa.field(extra_name(name, own), kind) for name, kind in extra.items())]
    features = {field.name: _feature(field.type) for field in fields}
    metadata = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    return pa.schema(fields, metadata=metadata)


def extra_name(name: str, core: Collection[str]) -> str:
    """Return the column that a source's own column is stored under, beside the catalog's."""
    return f"source_{name}" if name in core else name


def core_names(schema: pa.Schema) -> list[str]:
    """Return which of a part's columns are the catalog's; all others are the source's own."""
    return [*CORE.names, *(SEVERAL.names if has_several(schema) else ())]


def has_several(schema: pa.Schema) -> bool:
    """Say whether any item of a part's catalog names several pictures; `images` alone may be a source's own."""
    place = schema.get_field_index("image_outcomes")
    return place >= 0 and pa.types.is_list(schema.field(place).type)


def _feature(kind: pa.DataType) -> Json:
    if kind == IMAGE_TYPE:
        return {"_type": "Image"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if pa.types.is_list(kind):
        return {"_type": "List", "feature": _feature(kind.value_type)}
    names = {pa.float64(): "float64", pa.float32(): "float32", pa.bool_(): "bool"}
    return {"_type": "Value", "dtype": names.get(kind, str(kind))}


def rows_to_table(records: Sequence[ItemRecord], recipe: TextRecipe, schema: pa.Schema) -> pa.Table:
    """Lay records out as one part, their pictures aside: of these only the address is there."""
    columns: dict[str, Sequence[object]] = {
        **_own_columns(records, schema),
        "item_id": [record.item_id for record in records],
        "title": [record.title for record in records],
        "brand": [record.brand for record in records],
        "description": [record.description for record in records],
        "categories": [record.categories for record in records],
        "text": [recipe.render(record) for record in records],
        "image_status": [NONE] * len(records),
        "image_url": [stored_source(record.image) for record in records],
    }
    if has_several(schema):
        columns["image_outcomes"] = [_named(record) for record in records]
    try:
        arrays = [
            pa.array(columns[field.name], field.type)
            if field.name in columns
            else pa.nulls(len(records), field.type)
            for field in schema
        ]
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"items {records[0].item_id} to {records[-1].item_id} do not fit their columns: {error}"
        ) from error
    return pa.Table.from_arrays(arrays, schema=schema)


def _named(record: ItemRecord) -> list[dict[str, str | None]] | None:
    """Return where each of an item's pictures is, if it names several, before anything became of them."""
    if not record.further:
        return None
    return [{"status": NONE, "url": stored_source(ref)} for ref in record.images]


def _own_columns(records: Sequence[ItemRecord], schema: pa.Schema) -> dict[str, Sequence[object]]:
    """Return the source's own values by the columns that they are stored in; keys that have none are JSON together."""
    core = core_names(schema)
    names = {
        name: extra_name(name, core)
        for name in dict.fromkeys(key for record in records for key in record.extra)
    }
    stored = {name: column for name, column in names.items() if column in schema.names}
    columns: dict[str, Sequence[object]] = {}
    for name, column in stored.items():
        words = pa.types.is_string(schema.field(column).type)
        columns[column] = [_stored(record.extra.get(name), words=words) for record in records]
    others = {name: column for name, column in names.items() if name not in stored}
    if others:
        columns[OTHER] = [_unforeseen(record, others) for record in records]
    return columns


def _unforeseen(record: ItemRecord, names: Mapping[str, str]) -> str | None:
    told = {
        names[name]: throughout(value, public_address)
        for name, value in record.extra.items()
        if name in names
    }
    return json.dumps(told, ensure_ascii=False) if told else None


def stored_address(told: str | None) -> str | None:
    """Return where a picture was asked for, without login, key and folder; of a forbidden file the name alone too."""
    if told is None:
        return None
    if not told.startswith(FORBIDDEN):
        return public(told)
    return FORBIDDEN + PurePath(told.removeprefix(FORBIDDEN)).name


def stored_source(ref: ImageRef) -> str | None:
    """Return where a picture was asked for: the address as it is stored, or a file's path below its folder."""
    if ref.url is not None or ref.path is None:
        return stored_address(ref.url)
    if ref.folder is None:
        return readable(ref.path.name)
    path, folder = ref.path, ref.folder
    if path.is_absolute() != folder.is_absolute():
        path, folder = path.absolute(), folder.absolute()
    return readable(path.relative_to(folder) if path.is_relative_to(folder) else path.name)


def _stored(value: Json, *, words: bool) -> object:
    """Return a value as its column holds it: text as it may be passed on, in a column of text anything else as JSON."""
    if isinstance(value, str):
        return public_address(value)
    if value is None or isinstance(value, int | float):
        return json.dumps(value) if words and value is not None else value
    told = throughout(value, public_address)
    return json.dumps(told, ensure_ascii=False, default=str) if words else told
