"""What the page's programs read: arrays packed tightly, in JSON that no title can break out of."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

import numpy as np

from featurizer.records import Json
from featurizer.report.categories import NONE, OTHER, Categories
from featurizer.report.items import ItemTexts
from featurizer.report.palette import OTHER as GRAY
from featurizer.report.palette import color
from featurizer.report.spaces import ReportSpace

GRID = 65534
"""Coordinates on a map: 0 to this; one more means: not there."""
ABSENT = 65535
COSINES = 10_000
"""Steps of a cosine."""
_HARMFUL = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def script_json(value: Json) -> str:
    """Return JSON that can stand inside a `<script>` element: `<`, `>`, `&` and line separators are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_HARMFUL)


def page_data(
    item_ids: Sequence[str],
    words: ItemTexts,
    pictures: Mapping[str, str],
    spaces: Sequence[ReportSpace],
    level: int,
) -> dict[str, Json]:
    """Return everything that map and explorer need; at most 65,535 items.

    Args:
        item_ids: n items, in the order of all else.
        words: titles, categories.
        pictures: of some of the items, by id.
        spaces: neighbors and maps.
        level: place of the category level that is shown first.
    """
    return {
        "ids": list(item_ids),
        "titles": list(words.titles),
        "pictures": [pictures.get(item) for item in item_ids],
        "paths": _paths(words.paths),
        "levels": [_level(one) for one in words.levels],
        "level": level,
        "spaces": [_space(space) for space in spaces],
    }


def _paths(paths: Sequence[tuple[str, ...]]) -> Json:
    """Return every path once, and each item's place among them."""
    place = {path: at for at, path in enumerate(dict.fromkeys(paths))}
    return {
        "names": [" › ".join(path) for path in place],
        "ofItem": _packed(np.array([place[path] for path in paths], "<u2")),
    }


def _level(level: Categories) -> Json:
    return {
        "title": level.title,
        "names": list(level.names),
        "colors": [GRAY if name in (OTHER, NONE) else color(at) for at, name in enumerate(level.names)],
        "ofItem": _packed(level.of_item.astype("<u1")),
    }


def _space(space: ReportSpace) -> Json:
    near = space.neighbors
    items = np.where(near.items < 0, ABSENT, near.items)
    return {
        "name": space.name,
        "modality": space.modality,
        "featureSet": space.feature_set,
        "many": near.items.shape[1],
        "neighbors": _packed(items.astype("<u2")),
        "cosines": _packed(np.round(near.cosines * COSINES).astype("<i2")),
        "maps": [
            {"name": one.name, "about": one.about, "points": _packed(_on_grid(one.points))}
            for one in space.maps
        ],
    }


def _on_grid(points: np.ndarray) -> np.ndarray:
    """Return (n, 2) uint16 coordinates, both axes to one scale, centered; `ABSENT` where there are none."""
    there = ~np.isnan(points).any(1)
    low, high = points[there].min(0), points[there].max(0)
    span = float((high - low).max()) or 1.0
    scaled = (points - (low + high) / 2) / span * GRID + GRID / 2
    grid = np.full(points.shape, ABSENT, "<u2")
    grid[there] = np.clip(np.round(scaled[there]), 0, GRID).astype("<u2")
    return grid


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
