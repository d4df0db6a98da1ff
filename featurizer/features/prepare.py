"""One row of a catalog to what the encoders take: each picture decoded once, prepared for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

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

    def __call__(self, pictures: Sequence[Image], text: str | None) -> object | None:
        """Prepare the picture that there is, if any."""
        return self.prepare(pictures[0]) if pictures else None


@dataclass(frozen=True, slots=True)
class OfBoth:
    """What an encoder of both modalities makes of an item: of its text, and the first picture or all of them.

    Attributes:
        prepare: the encoder's.
        several: whether it sees all pictures of an item, or the first one.
    """

    prepare: Callable[[Pair], object]
    several: bool = False

    def __call__(self, pictures: Sequence[Image], text: str | None) -> object | None:
        """Prepare the pictures, the text, or both."""
        return self.prepare(Pair.of(pictures, text)) if pictures or text is not None else None


Prepare: TypeAlias = OfPicture | OfBoth
"""An item's pictures and its text to what one space's encoder takes; None where there is nothing to encode."""


def preparer(encoder: AnyEncoder) -> Prepare:
    """Return what is made of an item for an encoder that sees pictures."""
    several = encoder.spec.images is not None
    return (
        OfBoth(encoder.prepare, several)
        if encoder.spec.modality == "both"
        else OfPicture(encoder.prepare, several)
    )


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

    def attempt(space: str, seen: Sequence[Image], *, add: bool) -> None:
        try:
            value = prepare[space](seen, text)
        except Exception as error:  # noqa: BLE001  anybody's code on any picture: what it raises is the row's reason
            missed.append((space, f"{space}: prepare_{type(error).__name__}"))
            return
        if value is not None and add:
            inputs.setdefault(space, []).append(value)
        elif value is not None:
            inputs[space] = value

    together = [space for space, of in prepare.items() if isinstance(of, OfBoth) and of.several]
    one_by_one = [space for space in prepare if space not in together]
    decoded: list[Image] = []
    for place, (status, data) in enumerate(pictures):
        picture, reasons = _decoded(status, data)
        seen = [] if picture is None else [picture]
        usable = usable or picture is not None
        missed += [("" if first_alone and not place else "image", reason) for reason in reasons]
        decoded += seen if together else []
        for space in one_by_one:
            if not place or prepare[space].several:
                attempt(space, seen, add=prepare[space].several)
    for space in together:
        attempt(space, decoded, add=False)
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
