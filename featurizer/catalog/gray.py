"""Gray of more than 8 bits to gray of 8: scaled by what the file says of its range, else by what its values are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PIL import Image
from PIL.TiffTags import TAGS_V2

__all__ = ["eight_bits", "is_deep"]

_TAG: Final = {info.name: number for number, info in TAGS_V2.items()}
_WHITE_IS_ZERO: Final = 0
_UNSIGNED, _SIGNED = 1, 2
_FULL: Final = (255, 4095, 32_767, 65_535)
"""Where whole numbers from 0 may end: 8 bits, 12, as cameras have them, 15 and 16."""


def is_deep(image: Image.Image) -> bool:
    """Whether a picture's pixels are numbers that Pillow cuts off at 255, or signed bytes that it takes for others."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16") or _is_signed_bytes(image)


def eight_bits(image: Image.Image) -> Image.Image:
    """Scale a picture of deep gray to mode L.

    The range is what a TIFF's tags of smallest and largest value say; 0 to 65535 of a PNG and its like, which have
    no other; else 0 to 1 where that holds real numbers, or the first of 0 to 255, 4095, 32767 (signed) and 65535 that
    holds whole ones; else that of the values themselves. What a TIFF stores with white as 0 is turned round. A
    color that a PNG marks transparent becomes white.

    Raises:
        ValueError: some values are no numbers, or all are the same in no known range.
    """
    values = _values(image)
    if image.mode == "F" and not np.isfinite(values).all():
        raise ValueError("some pixels are not a number")
    low, high = _range(image, values)
    transparent = image.info.get("transparency")
    hidden = values == transparent if isinstance(transparent, int) else None
    values -= low
    values /= high - low
    np.clip(values, 0, 1, out=values)
    if _tag(image, "PhotometricInterpretation") == _WHITE_IS_ZERO:
        np.subtract(1, values, out=values)
    values *= 255
    values += 0.5
    scaled = values.astype(np.uint8)
    if hidden is not None:
        scaled[hidden] = 255
    return Image.fromarray(scaled)


def _values(image: Image.Image) -> np.ndarray:
    """Return a copy of the (height, width) values as the file means them: float32, of 32-bit numbers float64."""
    pixels = np.asarray(image)
    if _is_signed_bytes(image):
        pixels = pixels.view(np.int8)
    elif (
        image.mode == "I" and _tag(image, "BitsPerSample") == 32 and _tag(image, "SampleFormat") == _UNSIGNED
    ):
        pixels = pixels.view(np.uint32)
    return pixels.astype(np.float64 if image.mode == "I" else np.float32)


def _range(image: Image.Image, values: np.ndarray) -> tuple[float, float]:
    for smallest, largest in (("SMinSampleValue", "SMaxSampleValue"), ("MinSampleValue", "MaxSampleValue")):
        told = _tag(image, smallest), _tag(image, largest)
        if told[0] is not None and told[1] is not None and told[0] < told[1]:
            return float(told[0]), float(told[1])
    if image.mode != "F" and image.format != "TIFF":
        return 0, 65_535
    low, high = float(values.min()), float(values.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        return 0, 1
    if low >= 0 and bool((values == np.floor(values)).all()):
        signed = _tag(image, "SampleFormat") == _SIGNED
        full = [one for one in _FULL if high <= one and (signed or one != _FULL[2])]
        if full:
            return 0, full[0]
    if low == high:
        raise ValueError(f"every pixel is {low:g}, in a range that is not known")
    return low, high


def _is_signed_bytes(image: Image.Image) -> bool:
    return image.mode == "L" and _tag(image, "SampleFormat") == _SIGNED


def _tag(image: Image.Image, name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return one value of a TIFF's tag; None where there is none, and of other formats."""
    value = getattr(image, "tag_v2", {}).get(_TAG[name])
    return value[0] if isinstance(value, tuple) else value
