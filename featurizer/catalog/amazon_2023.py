"""Amazon 2023 (Hou et al.): JSON lines joined on parent_asin; two layouts of pictures and of details."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl

from featurizer.catalog import amazon
from featurizer.catalog.source import SourceFormat
from featurizer.records import ItemRecord, Json
from featurizer.tables.json_lines import json_object

_FIELDS = ("parent_asin", "title", "description", "categories", "images")
_SIZES = ("hi_res", "large", "thumb")


def item(line: str) -> ItemRecord:
    """Parse a metadata line: parent_asin, title, store, details, description, categories, images.

    The brand is `details.Brand`, else the store. `images` is a list of dictionaries in the raw files, a
    dictionary of lists in the Hub's copy; `details` a dictionary or JSON in text.

    Raises:
        ValueError: the line is no JSON object or has no parent_asin.
    """
    row = json_object(line)
    images = amazon.pictures(_pictures(row.get("images")))
    return ItemRecord(
        item_id=amazon.identifier(row, "parent_asin"),
        title=amazon.text(row.get("title")),
        brand=amazon.first([_details(row.get("details")).get("Brand"), row.get("store")]),
        description=amazon.text(row.get("description")),
        categories=amazon.texts(row.get("categories")) or amazon.texts(row.get("main_category")),
        image=images[0],
        further=images[1:],
        extra=amazon.extra(row, _FIELDS),
    )


def interactions(path: Path) -> pl.LazyFrame:
    """Read reviews or a benchmark CSV; milliseconds become seconds."""
    if amazon.is_csv(path):
        return amazon.scan_benchmark(path, time_unit=1000)
    return amazon.scan_reviews(path, "user_id", "parent_asin", "rating", "timestamp", time_unit=1000)


def _details(value: Json) -> dict[str, Json]:
    if isinstance(value, str):
        with suppress(ValueError):  # what is no JSON names no brand; the text itself stays in `extra`
            return json_object(value)
    return value if isinstance(value, dict) else {}


def _pictures(images: Json) -> Iterator[str | None]:
    """Yield the address of each picture in its largest size, the main one first."""
    for picture in sorted(_by_picture(images), key=lambda picture: picture.get("variant") != "MAIN"):
        yield amazon.first(picture.get(size) for size in _SIZES)


def _by_picture(images: Json) -> Iterator[dict[str, Json]]:
    if isinstance(images, list):
        yield from (picture for picture in images if isinstance(picture, dict))
    elif isinstance(images, dict):
        columns = {name: values for name, values in images.items() if isinstance(values, list)}
        for place in range(max(map(len, columns.values()), default=0)):
            yield {name: values[place] for name, values in columns.items() if place < len(values)}


source = SourceFormat(item, interactions)
"""`meta_*.jsonl.gz`, `*.jsonl.gz` and the benchmark CSVs of 2023; the Hub's copy too."""
