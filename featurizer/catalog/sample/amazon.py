"""The lines of the Amazon Reviews 2023 files: one JSON object an item, one a review."""

from __future__ import annotations

import json

from featurizer.catalog.sample.traits import SampleItem
from featurizer.catalog.sample.users import Review
from featurizer.catalog.sample.words import Listing, review_words
from featurizer.records import Json

_HUB_LAYOUT_EVERY = 7
_DETAILS_TEXT_EVERY = 5
_MAIN_CATEGORIES = {
    "Home & Kitchen": "Amazon Home",
    "Clothing, Shoes & Jewelry": "AMAZON FASHION",
    "Cell Phones": "Cell Phones & Accessories",
}


def meta_line(row: int, item: SampleItem, words: Listing, image_url: str | None) -> str:
    """Return one line of `meta_Sample.jsonl`.

    As in the published files, most rows hold `images` as a list of objects and `details` as an object; every
    seventh holds a dict of lists, every fifth a JSON string.
    """
    details: dict[str, Json] = {
        "Manufacturer": words.brand,
        "Item model number": f"{item.item_id[-4:]}-{row}",
        "Is Discontinued By Manufacturer": "No",
    }
    value: dict[str, Json] = {
        "main_category": _MAIN_CATEGORIES.get(words.categories[0], words.categories[0])
        if words.categories
        else None,
        "title": words.title,
        "features": list(words.features),
        "description": list(words.description),
        "price": round(5 + item.pitch.wording % 9000 / 100, 2),
        "images": _images(image_url, hub=row % _HUB_LAYOUT_EVERY == 0),
        "videos": [],
        "store": words.brand or None,
        "categories": list(words.categories),
        "details": json.dumps(details) if row % _DETAILS_TEXT_EVERY == 0 else details,
        "parent_asin": item.item_id,
        "bought_together": None,
    }
    return json.dumps(value, ensure_ascii=False)


def review_line(review: Review, item: SampleItem) -> str:
    """Return one line of `Sample.jsonl`; `asin` is a variant of `parent_asin` and often differs from it."""
    title, text = review_words(item.pitch, review.rating, review.pick)
    variant = item.item_id if review.pick % 3 else f"B1{item.item_id[2:]}"
    value: dict[str, Json] = {
        "rating": float(review.rating),
        "title": title,
        "text": text,
        "images": [],
        "asin": variant,
        "parent_asin": item.item_id,
        "user_id": review.user_id,
        "timestamp": review.timestamp,
        "helpful_vote": review.pick % 4,
        "verified_purchase": review.pick % 10 != 0,
    }
    return json.dumps(value, ensure_ascii=False)


def _images(url: str | None, *, hub: bool) -> Json:
    shots: list[dict[str, Json]] = []
    if url is not None:
        shots = [{"thumb": url, "large": url, "variant": "MAIN", "hi_res": None}]
    if hub:
        return {key: [shot[key] for shot in shots] for key in ("hi_res", "large", "thumb", "variant")}
    return list[Json](shots)
