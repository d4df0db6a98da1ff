"""Amazon 2018 (Ni et al.): JSON lines; descriptions and pictures are lists."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from featurizer.catalog import amazon
from featurizer.catalog.source import SourceFormat
from featurizer.records import ItemRecord
from featurizer.tables.json_lines import json_object

_FIELDS = ("asin", "title", "brand", "description", "category", "imageURLHighRes", "imageURL", "image")


def item(line: str) -> ItemRecord:
    """Parse a metadata line: asin, title, brand, description, category, imageURLHighRes, imageURL.

    Raises:
        ValueError: the line is no JSON object or has no asin.
    """
    row = json_object(line)
    sizes = (amazon.texts(row.get(key)) for key in ("imageURLHighRes", "imageURL", "image"))
    images = amazon.pictures(next(filter(None, sizes), ()))
    return ItemRecord(
        item_id=amazon.identifier(row, "asin"),
        title=_title(amazon.text(row.get("title"))),
        brand=amazon.text(row.get("brand")),
        description=amazon.text(row.get("description")),
        categories=amazon.texts(row.get("category")),
        image=images[0],
        further=images[1:],
        extra=amazon.extra(row, _FIELDS),
    )


def interactions(path: Path) -> pl.LazyFrame:
    """Read reviews, or the ratings-only CSV (item, user, rating, unix time)."""
    if amazon.is_csv(path):
        return amazon.scan_ratings(path, ("item", "user", "rating", "time"))
    return amazon.scan_reviews(path, "reviewerID", "asin", "overall", "unixReviewTime")


def _title(title: str | None) -> str | None:
    """Drop a title that is the page's script, which the scraper kept for listings without a title."""
    return None if title and "getTime" in title else title


source = SourceFormat(item, interactions)
"""`meta_*.json.gz`, `*_5.json.gz`, `*.csv` of 2018."""
