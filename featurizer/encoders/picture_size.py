"""Pictures of another size than a model's own, as its image processor makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import BaseImageProcessor

from featurizer.errors import InputError


def resized(processor: BaseImageProcessor, side: int, where: str) -> BaseImageProcessor:
    """Return a processor like another, for pictures of another size.

    Args:
        processor: the model's own.
        side: of a square picture, in pixels; where a model takes any shape, of a square as large as a picture may be.
        where: the model as the user types it, for the message.

    Raises:
        InputError: the processor's sizes say nothing that this could replace.
    """
    settings: dict[str, Any] = processor.to_dict()
    size, crop = dict(settings.get("size") or {}), settings.get("crop_size")
    return type(processor).from_dict({**settings, **_sizes(size, crop, side, where)})


def _sizes(
    size: Mapping[str, int], crop: Mapping[str, int] | None, side: int, where: str
) -> dict[str, object]:
    square = {"height": side, "width": side}
    if (
        size.keys() == {"shortest_edge", "longest_edge"} and crop is None
    ):  # a number of pixels, the least and the most
        if side * side < size["shortest_edge"]:
            raise InputError(
                f"{where} takes pictures of at least {size['shortest_edge']:,} pixels; expected an image_size of "
                f"{int(size['shortest_edge'] ** 0.5)} or more"
            )
        return {"size": {**size, "longest_edge": side * side}}
    if size.keys() == {"height", "width"}:
        return {"size": square, **({} if crop is None else {"crop_size": square})}
    if size.keys() == {"shortest_edge"}:
        if crop is None:
            return {"size": {"shortest_edge": side}}
        return {
            "size": {"shortest_edge": round(size["shortest_edge"] * side / crop["height"])},
            "crop_size": square,
        }
    raise InputError(
        f"{where} says of its pictures' size {dict(size)}, which image_size cannot replace; leave it out"
    )
