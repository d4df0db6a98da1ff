"""HEIC, what phones photograph in: read where the package for it is installed, else named with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final

from PIL import ImageFile

from featurizer.registry import Extra

__all__ = ["HEIF", "is_heic", "open_heic"]

HEIF: Final = Extra(("pillow_heif",), "heif")
"""What reads it."""
_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
"""What a file says of itself whose pictures are coded in HEVC."""


def is_heic(data: bytes) -> bool:
    """Tell by the first box whether a file is HEIC; others of that family are AVIF, which Pillow reads."""
    size = int.from_bytes(data[:4], "big")
    if data[4:8] != b"ftyp" or size < 16:
        return False
    box = data[8 : min(size, len(data), 256)]
    return any(box[place : place + 4] in _BRANDS for place in (0, *range(8, len(box), 4)))


def open_heic(file: BinaryIO) -> ImageFile.ImageFile | None:
    """Read the header of a HEIC; None where the package that reads it is not installed."""
    if not HEIF.installed:
        return None
    from pillow_heif import HeifImageFile

    read: Callable[[BinaryIO, str], ImageFile.ImageFile] = HeifImageFile
    return read(file, "")
