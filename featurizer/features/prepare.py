"""One row of a catalog to what the encoders take: each picture decoded once, prepared for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from PIL.Image import Image

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.encoders.base import AnyEncoder, Pair
from featurizer.records import NONE, OK

Picture: TypeAlias = tuple[str, bytes | None]
"""A picture's status and bytes."""
Row: TypeAlias = tuple[str, str | None, Sequence[Picture]]
"""An item's id, its text, and those of its pictures that are to be seen; the first is there, be it none."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item as each space's encoder wants it.

    Attributes:
        item_id: the item.
        text: its text, None where it has none.
        usable: True when a picture could be decoded.
        inputs: the encoders' inputs by space; a space is missing where there is nothing to encode. Of an encoder that
            sees all pictures it is the list of what was prepared.
        errors: reasons, each once, `image: truncated` or `clip_image: prepare_ValueError`. Where an encoder sees all
            pictures, those of single ones are no errors as long as there is another that it sees.
        left_out: the reasons of these, one a picture.
        seconds: that decoding and preparing took.
    """

    item_id: str
    text: str | None
    usable: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OfPicture:
    """What an encoder of pictures makes of one; a class, so that a process can be sent it.

    Attributes:
        prepare: the encoder's.
        several: whether it sees all pictures of an item, or the first one.
    """

    prepare: Callable[[Image], object]
    several: bool = False

    def __call__(self, picture: Image | None, text: str | None) -> object | None:
        """Prepare the picture."""
        return None if picture is None else self.prepare(picture)


@dataclass(frozen=True, slots=True)
class OfBoth:
    """What an encoder of both modalities makes of an item, of its first picture."""

    prepare: Callable[[Pair], object]
    several: ClassVar[bool] = False

    def __call__(self, picture: Image | None, text: str | None) -> object | None:
        """Prepare the picture, the text, or both."""
        return None if picture is None and text is None else self.prepare(Pair(picture, text))


Prepare: TypeAlias = OfPicture | OfBoth
"""A picture and its item's text to what one space's encoder takes; None where there is nothing to encode."""


def preparer(encoder: AnyEncoder) -> Prepare:
    """Return what is made of an item for an encoder that sees pictures."""
    if encoder.spec.modality == "both":
        return OfBoth(encoder.prepare)
    return OfPicture(encoder.prepare, several=encoder.spec.images is not None)


def prepare_rows(rows: Sequence[Row], prepare: Mapping[str, Prepare]) -> list[Prepared]:
    """Decode rows and prepare them for every space; with no space, no picture is decoded."""
    return [_prepare(*row, prepare) for row in rows]


def _prepare(
    item_id: str, text: str | None, pictures: Sequence[Picture], prepare: Mapping[str, Prepare]
) -> Prepared:
    if not prepare:
        return Prepared(item_id, text, usable=pictures[0][0] == OK)
    start = time.perf_counter()
    usable, first_alone = False, not all(function.several for function in prepare.values())
    missed: list[tuple[str, str]] = []  # what another picture may serve, if any, and the reason
    inputs: dict[str, Any] = {}
    for place, (status, data) in enumerate(pictures):
        picture, reasons = _decoded(status, data)
        usable = usable or picture is not None
        missed += [("" if first_alone and not place else "image", reason) for reason in reasons]
        for space, function in prepare.items():
            if place and not function.several:
                continue
            try:
                value = function(picture, text)
            except Exception as error:  # noqa: BLE001  anybody's code on any picture: what it raises is the row's reason
                missed.append((space, f"{space}: prepare_{type(error).__name__}"))
                continue
            if value is not None and function.several:
                inputs.setdefault(space, []).append(value)
            elif value is not None:
                inputs[space] = value
    served = {*inputs, *(["image"] if usable else [])}
    errors = tuple(dict.fromkeys(reason for what, reason in missed if what not in served))
    left_out = tuple(reason for what, reason in missed if what in served)
    seconds = time.perf_counter() - start
    return Prepared(item_id, text, usable, inputs, errors, left_out, seconds)


def _decoded(status: str, data: bytes | None) -> tuple[Image | None, list[str]]:
    if status != OK:
        return None, [] if status == NONE else [f"image: {status}"]
    try:
        return decode(data or b""), []
    except UndecodableImage as failure:
        return None, [f"image: {failure.reason}"]
