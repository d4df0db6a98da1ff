"""The pictures of an item as the parts of a catalog hold them, one after the other."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from featurizer.catalog.schema import SEVERAL, has_several
from featurizer.catalog.store import Catalog
from featurizer.records import OK, REPEATED

FIRST: Final = ("image", "image_status", "image_url", "image_sha256", "width", "height")
"""The columns of an item's first picture."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """One picture.

    Attributes:
        status: `ok`, `none` or the reason why it is not there.
        url: where it came from, as it may be told.
        sha256: of what was received.
        width: in pixels.
        height: likewise.
        data: its bytes, None where it is not there.
        path: its file name.
    """

    status: str
    url: str | None
    sha256: str | None
    width: int | None
    height: int | None
    data: bytes | None
    path: str | None


def picture_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of a part that `stored_pictures` reads."""
    return [*FIRST, *(SEVERAL.names if has_several(schema) else ())]


def stored_pictures(row: Mapping[str, Any]) -> list[StoredPicture]:
    """Return an item's pictures in the order in which they are named, the first one first, be it none.

    One that repeats another has the bytes of that, and is as good.

    Args:
        row: of a part, with `picture_columns`.
    """
    outcomes = row.get("image_outcomes")
    if outcomes is None:
        image = row["image"] or {}
        return [
            StoredPicture(
                row["image_status"], row["image_url"], row["image_sha256"], row["width"], row["height"],
                image.get("bytes"), image.get("path"),
            )
        ]  # fmt: skip
    came = [one["sha256"] for one in outcomes if one["status"] == OK]
    images = dict(zip(came, row["images"], strict=True))
    return [_of_several(one, images) for one in outcomes]


def _of_several(told: Mapping[str, Any], images: Mapping[str, Mapping[str, Any]]) -> StoredPicture:
    there = told["status"] in (OK, REPEATED)
    image = images[told["sha256"]] if there else {}
    status = OK if there else told["status"]
    return StoredPicture(
        status,
        told["url"],
        told["sha256"],
        told["width"],
        told["height"],
        image.get("bytes"),
        image.get("path"),
    )


def told_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of a part that `told_pictures` reads; none of them is heavy."""
    return ["image_status", "image_url", *(["image_outcomes"] if has_several(schema) else [])]


def told_pictures(row: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Return status and address of each of an item's pictures, in their order.

    Args:
        row: of a part, with `told_columns`.
    """
    outcomes = row.get("image_outcomes")
    if outcomes is None:
        return [(row["image_status"], row["image_url"])]
    return [(one["status"], one["url"]) for one in outcomes]


def pictures_an_item(catalog: Catalog) -> list[tuple[int, int]]:
    """Return how many items have how many pictures that came, each content counted once."""
    counts = Counter[int]()
    for batch in catalog.batches(told_columns(catalog.schema), size=4096):
        counts.update(sum(status == OK for status, _ in told_pictures(row)) for row in batch.to_pylist())
    return sorted(counts.items())


def named_pictures(
    outcomes: Sequence[Mapping[str, Any]], images: Sequence[Mapping[str, Any]]
) -> list[tuple[str, bytes | None]]:
    """Return status and bytes of an item's pictures in their order, without those that repeat another."""
    left = iter(images)
    return [
        (one["status"], next(left)["bytes"] if one["status"] == OK else None)
        for one in outcomes
        if one["status"] != REPEATED
    ]


def problem_of_several(row: Mapping[str, Any]) -> str | None:
    """Say what is wrong with the pictures of an item that names several, None where nothing is.

    Args:
        row: of a part, with `picture_columns`; of the bytes of its first picture nothing is said.
    """
    outcomes, images = row.get("image_outcomes"), row.get("images")
    if (outcomes is None) != (images is None):
        return "images and image_outcomes are not both there"
    if outcomes is None or images is None:
        return None
    told = [(one["status"], one["url"], one["sha256"], one["width"], one["height"]) for one in outcomes]
    if len(told) < 2 or told[0] != tuple(row[name] for name in FIRST[1:]):
        return "its first picture is not the first of image_outcomes"
    came = [sha256 for status, _, sha256, *_ in told if status == OK]
    if [hashlib.sha256(image["bytes"]).hexdigest() for image in images] != came or len({*came}) < len(came):
        return "images are not those whose sha256 is recorded"
    if any(status == REPEATED and sha256 not in came for status, _, sha256, *_ in told):
        return "a picture repeats one that is not there"
    if row["image"] is not None and row["image"] != images[0]:
        return "image is not the first of images"
    return None
