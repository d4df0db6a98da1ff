"""Small pictures within a budget of bytes: as large as all fit, and where not all fit, a seeded part of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from PIL import Image

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.catalog.store import Catalog
from featurizer.progress import Progress, Report, silent
from featurizer.records import OK

SIDES = (128, 96, 72, 56, 44)
"""Longest side in pixels, the best first."""
QUALITY = 72
TRIED = 64
"""Pictures that the size is chosen by."""


def make_thumbnails(
    catalogs: Sequence[Catalog], item_ids: Sequence[str], budget: int, seed: int, *, report: Report = silent
) -> tuple[dict[str, str], int]:
    """Make thumbnails of the items' pictures.

    Args:
        catalogs: where the pictures are; of an item in several, the first that has its picture counts.
        item_ids: whose.
        budget: bytes that all of them may take, as base64.
        seed: which pictures go first, where not all fit.
        report: told how many are done.

    Returns:
        WebP pictures, base64, by item id, and how many pictures did not fit.
    """
    wanted = frozenset(item_ids)
    side = _side(catalogs, wanted, len(item_ids), budget)
    found: dict[str, str] = {}
    for done, (item, picture) in enumerate(_pictures(catalogs, wanted)):
        if item not in found:
            found[item] = _encoded(picture, side)
        if done % 256 == 0:
            report(Progress("thumbnails", len(found), len(item_ids), unit="pictures"))
    report(Progress("thumbnails", len(found), len(found), unit="pictures"))
    kept = _within(found, budget, seed)
    return kept, len(found) - len(kept)


def _side(catalogs: Sequence[Catalog], wanted: frozenset[str], items: int, budget: int) -> int:
    tried = [picture for _, picture in islice(_pictures(catalogs, wanted), TRIED)]
    for side in SIDES:
        mean = np.mean([len(_encoded(picture, side)) for picture in tried]) if tried else 0
        if mean * items <= budget:
            return side
    return SIDES[-1]


def _within(found: Mapping[str, str], budget: int, seed: int) -> dict[str, str]:
    items = list(found)
    order = np.random.default_rng([seed, 2]).permutation(len(items))
    sizes = np.cumsum([len(found[items[place]]) for place in order])
    kept = {items[place] for place in order[: int(np.searchsorted(sizes, budget, side="right"))]}
    return {item: picture for item, picture in found.items() if item in kept}


def _pictures(catalogs: Sequence[Catalog], wanted: frozenset[str]) -> Iterator[tuple[str, Image.Image]]:
    for catalog in catalogs:
        for batch in catalog.batches(["item_id", "image", "image_status"]):
            images = batch.column("image").field("bytes")
            columns = (batch.column("item_id").to_pylist(), batch.column("image_status").to_pylist())
            for row, (item, status) in enumerate(zip(*columns, strict=True)):
                if item not in wanted or status != OK:
                    continue
                try:
                    yield item, decode(images[row].as_py() or b"")
                except UndecodableImage:
                    continue  # the feature set's failures name the item and the reason


def _encoded(picture: Image.Image, side: int) -> str:
    small = picture.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "WEBP", quality=QUALITY, method=4)
    return base64.b64encode(file.getvalue()).decode()
