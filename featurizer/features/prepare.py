"""One row of a catalog to what the encoders take: its picture decoded once, prepared for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from PIL.Image import Image

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.encoders.base import AnyEncoder, Pair
from featurizer.records import NONE, OK

Prepare: TypeAlias = Callable[[Image | None, str | None], object | None]
"""An item's picture and text to what one space's encoder takes; None where it has nothing to encode."""
Row: TypeAlias = tuple[str, str | None, str, bytes | None]
"""An item's id, its text, its picture's status and bytes."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item as each space's encoder wants it.

    Attributes:
        item_id: the item.
        text: its text, None where it has none.
        usable: True when its picture could be decoded.
        inputs: the encoders' inputs by space; a space is missing where there is nothing to encode.
        errors: reasons, `image: truncated` or `clip_image: prepare_ValueError`.
        seconds: that decoding and preparing took.
    """

    item_id: str
    text: str | None
    usable: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OfPicture:
    """What an encoder of pictures makes of an item; a class, so that a process can be sent it."""

    prepare: Callable[[Image], object]

    def __call__(self, picture: Image | None, text: str | None) -> object | None:
        """Prepare the picture."""
        return None if picture is None else self.prepare(picture)


@dataclass(frozen=True, slots=True)
class OfBoth:
    """What an encoder of both modalities makes of an item."""

    prepare: Callable[[Pair], object]

    def __call__(self, picture: Image | None, text: str | None) -> object | None:
        """Prepare the picture, the text, or both."""
        return None if picture is None and text is None else self.prepare(Pair(picture, text))


def preparer(encoder: AnyEncoder) -> Prepare:
    """Return what is made of an item for an encoder that sees pictures."""
    return OfBoth(encoder.prepare) if encoder.spec.modality == "both" else OfPicture(encoder.prepare)


def prepare_rows(rows: Sequence[Row], prepare: Mapping[str, Prepare]) -> list[Prepared]:
    """Decode rows and prepare them for every space; with no space, no picture is decoded."""
    return [_prepare(*row, prepare) for row in rows]


def _prepare(
    item_id: str, text: str | None, status: str, data: bytes | None, prepare: Mapping[str, Prepare]
) -> Prepared:
    if not prepare:
        return Prepared(item_id, text, usable=status == OK)
    start = time.perf_counter()
    picture, errors = _decoded(status, data)
    inputs: dict[str, object] = {}
    for space, function in prepare.items():
        try:
            value = function(picture, text)
        except Exception as error:  # noqa: BLE001  anybody's code on any picture: what it raises is the row's reason
            errors.append(f"{space}: prepare_{type(error).__name__}")
            continue
        if value is not None:
            inputs[space] = value
    seconds = time.perf_counter() - start
    return Prepared(item_id, text, picture is not None, inputs, tuple(errors), seconds)


def _decoded(status: str, data: bytes | None) -> tuple[Image | None, list[str]]:
    if status != OK:
        return None, [] if status == NONE else [f"image: {status}"]
    try:
        return decode(data or b""), []
    except UndecodableImage as failure:
        return None, [f"image: {failure.reason}"]
