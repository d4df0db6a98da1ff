"""Amazon Berkeley Objects: listings in many languages, a JSON object a line; pictures by an id of their own.

The layout is that of the README files beside the data: texts are lists of `{"language_tag", "value"}`, a listing is
told apart by `item_id` and `domain_name` together, and `images.csv.gz` says where the picture of an id lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from featurizer.catalog import amazon
from featurizer.catalog.source import SourceFormat
from featurizer.errors import InputError
from featurizer.interactions.frames import brief
from featurizer.records import ItemRecord, Json
from featurizer.tables.json_lines import json_object

LANGUAGES = ("en_US", "en_")
"""Of texts in several languages these are taken, the first that is there; else the language that comes first."""
_TEXT = {"language_tag", "value", "standardized_values"}
"""What is a text has these keys at most; a weight has a unit, too."""
_FIELDS = ("item_name", "brand", "bullet_point", "product_description", "node", "main_image_id")


def item(line: str) -> ItemRecord:
    """Parse a listing; its id is `item_id@domain_name`, as one item is listed in several marketplaces.

    Title, brand and description (`product_description`, then `bullet_point`) are in one language each (`LANGUAGES`).
    The categories are those on the path of the first node; without one, the product type. Further texts of this
    form are columns in one language too, as `color` and `product_type`.

    Raises:
        ValueError: the line is no JSON object or lacks item_id or domain_name.
    """
    row = json_object(line)
    texts = {name: in_one_language(value) for name, value in row.items()}
    images = amazon.pictures(
        [amazon.text(row.get("main_image_id")), *amazon.texts(row.get("other_image_id"))]
    )
    paragraphs = [texts.get("product_description"), texts.get("bullet_point")]
    return ItemRecord(
        item_id=f"{amazon.identifier(row, 'item_id')}@{amazon.identifier(row, 'domain_name')}",
        title=texts.get("item_name"),
        brand=texts.get("brand"),
        description=" ".join(filter(None, paragraphs)) or None,
        categories=_path(row.get("node")) or amazon.texts(texts.get("product_type")),
        image=images[0],
        further=images[1:],
        extra={name: texts[name] or value for name, value in amazon.extra(row, _FIELDS).items()},
    )


def in_one_language(value: Json) -> str | None:
    """Return a text of a listing, its parts joined by blanks; None for what is none.

    Args:
        value: a list of `{"language_tag", "value"}`, where the language may be missing; or plain text.
    """
    if isinstance(value, str):
        return amazon.text(value)
    if not isinstance(value, list):
        return None
    parts = [part for part in value if isinstance(part, dict) and "value" in part and part.keys() <= _TEXT]
    tags = [str(part.get("language_tag") or "") for part in parts]
    spoken = (tag for language in LANGUAGES for tag in tags if tag.startswith(language))
    chosen = next(spoken, tags[0] if tags else "")
    return amazon.text([part["value"] for part, tag in zip(parts, tags, strict=True) if tag == chosen])


def _path(nodes: Json) -> tuple[str, ...]:
    """Return the categories on the path of the first node, which earlier copies of the data call its name."""
    node = next((node for node in nodes if isinstance(node, dict)), {}) if isinstance(nodes, list) else {}
    path = amazon.first([node.get("path"), node.get("node_name")]) or ""
    return amazon.texts([*path.split("/")])


def addresses(path: Path) -> Mapping[str, str]:
    """Read `images.csv.gz`: of each `image_id` the `path` of its file.

    Raises:
        InputError: it is no such table.
    """
    try:
        table = pl.read_csv(path, columns=["image_id", "path"], infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path} cannot be read as the table of pictures, with the columns image_id and path: {brief(error)}. "
            "Delete it and download it again."
        ) from error
    known = table.drop_nulls()
    return dict(zip(known["image_id"], known["path"], strict=True))


source = SourceFormat(item, addresses=addresses)
"""`listings_*.json.gz` and `images.csv.gz`."""
