"""What goes wrong in real catalogs, planted on purpose: pictures first, then words."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from PIL import Image

from featurizer.catalog.sample.words import Listing

PictureFile: TypeAlias = tuple[bytes | None, str]
"""An encoded picture, None for a file that is not there, and the ending of its file's name."""
JPEG = ".jpg"


def encoded(image: Image.Image) -> PictureFile:
    """Return the picture as an ordinary JPEG."""
    return _save(image, "JPEG", quality=90), JPEG


def _save(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _truncated(image: Image.Image) -> PictureFile:
    data = _save(image, "JPEG", quality=90)
    return data[: len(data) // 2], JPEG


def _html_page(image: Image.Image) -> PictureFile:
    page = b"<!DOCTYPE html>\n<html><head><title>Not found</title></head><body>Gone.</body></html>\n"
    return page, JPEG


def _placeholder(image: Image.Image) -> PictureFile:
    return _save(Image.new("L", (1, 1), 255), "GIF"), ".gif"


def _png_16_bit(image: Image.Image) -> PictureFile:
    gray = np.asarray(image.convert("L"), np.uint16) * 257
    return _save(Image.fromarray(gray), "PNG"), ".png"


def _palette_png(image: Image.Image) -> PictureFile:
    paletted = image.quantize(64)
    corner = paletted.getpixel((0, 0))
    return _save(paletted, "PNG", transparency=corner), ".png"


def _exif_rotated(image: Image.Image) -> PictureFile:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn clockwise to see it upright
    return _save(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=90, exif=exif), JPEG


def _animated_gif(image: Image.Image) -> PictureFile:
    frames = [image.quantize(64), image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).quantize(64)]
    data = _save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=200, loop=0)
    return data, ".gif"


PICTURE_DEFECTS: dict[str, Callable[[Image.Image], PictureFile | None]] = {
    "truncated_jpeg": _truncated,
    "zero_bytes": lambda image: (b"", JPEG),
    "html_page": _html_page,
    "placeholder_gif": _placeholder,
    "missing_file": lambda image: (None, JPEG),
    "no_image": lambda image: None,
    "cmyk_jpeg": lambda image: (_save(image.convert("CMYK"), "JPEG", quality=90), JPEG),
    "png_16_bit": _png_16_bit,
    "palette_png": _palette_png,
    "exif_rotated": _exif_rotated,
    "animated_gif": _animated_gif,
    "png_named_jpg": lambda image: (_save(image, "PNG"), JPEG),
}
"""Each turns a picture into the file that stands for it; None where the listing names no picture."""

UNREADABLE = ("truncated_jpeg", "zero_bytes", "html_page", "placeholder_gif", "missing_file", "no_image")
"""The picture defects that leave an item without a picture; the others decode, with care."""


def _appended(words: Listing, tail: str) -> Listing:
    return replace(words, description=(*words.description[:-1], words.description[-1] + tail))


_STYLE_SHEET = "<style>.a-list{margin:0;padding:4px} #desc{font-family:Arial}</style>"

WORD_DEFECTS: dict[str, Callable[[Listing], Listing]] = {
    "no_title": lambda words: replace(words, title=""),
    "no_description": lambda words: replace(words, description=()),
    "no_text": lambda words: Listing("", "", (), (), ()),
    "entities": lambda words: _appended(
        replace(words, title=words.title.replace(words.brand, f"{words.brand}&reg;")),
        " It&#x92;s dishwasher safe &amp; &quot;loved&quot;.",
    ),
    "markup": lambda words: _appended(words, "<br /><b>Size</b><ul><li>Fits&nbsp;most</li></ul><p>Enjoy!"),
    "style_sheet": lambda words: _appended(words, f"{_STYLE_SHEET}<div id='desc'>Care: wipe clean.</div>"),
    "non_ascii": lambda words: _appended(
        replace(words, title=f"{words.title} – Größe L、日本限定"),
        " Schöne Qualität, très élégant, 送料無料 ☕",
    ),
}
"""Each turns a listing into a flawed one."""
