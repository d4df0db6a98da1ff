"""Amazon 2014 (McAuley): metadata lines are Python literals, ratings a CSV without header."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from featurizer.catalog import amazon
from featurizer.catalog.source import SourceFormat
from featurizer.records import ImageRef, ItemRecord, Json
from featurizer.tables.json_lines import plain_object
from featurizer.values import python_literal

_FIELDS = ("asin", "title", "brand", "description", "categories", "imUrl")


def item(line: str) -> ItemRecord:
    """Parse a metadata line: asin, title, brand, description, categories (list of lists), imUrl.

    Raises:
        ValueError: the line is no Python dictionary or has no asin.
    """
    row = _literal(line)
    return ItemRecord(
        item_id=amazon.identifier(row, "asin"),
        title=amazon.text(row.get("title")),
        brand=amazon.text(row.get("brand")),
        description=amazon.text(row.get("description")),
        categories=amazon.texts(row.get("categories")),
        image=ImageRef(url=amazon.text(row.get("imUrl"))),
        extra=amazon.extra(row, _FIELDS),
    )


def interactions(path: Path) -> pl.LazyFrame:
    """Read ratings (user, item, rating, unix time) or reviews."""
    if amazon.is_csv(path):
        return amazon.scan_ratings(path, ("user", "item", "rating", "time"))
    return amazon.scan_reviews(path, "reviewerID", "asin", "overall", "unixReviewTime")


def _literal(line: str) -> dict[str, Json]:
    row = python_literal(line.strip(), longest=None)
    if not isinstance(row, dict):
        raise ValueError(f"a Python {type(row).__name__}, expected a dictionary")
    return plain_object(row)


source = SourceFormat(item, interactions)
"""`meta_*.json.gz`, `ratings_*.csv`, `reviews_*.json.gz` of 2014."""
