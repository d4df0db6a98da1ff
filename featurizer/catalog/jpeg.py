"""JPEGs that are sure to decode, told by their structure: the pixels of most need not be looked at to know that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_RESTART_INTERVAL: Final = (0xDD, 2)
_PASSED_OVER: Final = frozenset({*range(0xE0, 0xF0), 0xFE})
"""APPn and COM."""
_LONGEST: Final = 65_500
"""libjpeg's largest side."""
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)
"""The first inside of a scan that does not belong to it."""


@dataclass(frozen=True, slots=True)
class PlainJpeg:
    """What the structure of a plain JPEG says.

    Attributes:
        width: in pixels, as stored.
        height: likewise.
        bare: whether it holds nothing but the picture, so that nobody else reads a header out of it.
    """

    width: int
    height: int
    bare: bool


def plain_jpeg(data: bytes) -> PlainJpeg | None:
    """Return the size of a JPEG that is baseline, in one scan, whole from start to end, its tables in order.

    Of such a picture libjpeg refuses nothing: what stands wrong inside the scan it passes over with a warning, which
    nobody asks for. A picture that is not plain (None) may decode all the same; only decoding tells.

    Sources: ITU-T T.81, annex B, and what `jdmarker.c`, `jdinput.c` and `jdhuff.c` of libjpeg-turbo raise.
    """
    quantizers: set[int] = set()
    huffmans: set[int] = set()
    frame: _Frame | None = None
    bare = True
    for marker, start, end in _segments(data):
        content = data[start:end]
        if marker == 0xDA:
            fits = frame is not None and set(frame.components.values()) <= quantizers
            if frame is None or not fits or not _is_whole(content, frame.components, huffmans):
                return None
            return PlainJpeg(frame.width, frame.height, bare) if _is_ended(data, end) else None
        if marker in (0xDB, 0xC4):
            found = _quantizers(content) if marker == 0xDB else _huffmans(content)
            if not found:
                return None
            (quantizers if marker == 0xDB else huffmans).update(found)
        elif marker == 0xC0 and frame is None:
            frame = _frame(content)
            if frame is None:
                return None
        elif marker in _PASSED_OVER:
            bare = bare and marker == 0xE0 and len(content) == 14 and content.startswith(b"JFIF\0")
        elif (marker, len(content)) != _RESTART_INTERVAL:
            return None
    return None


def _is_ended(data: bytes, scan: int) -> bool:
    """Tell whether a scan is followed by the end of the picture: before it are escaped bytes and restarts alone."""
    marker = _MARKER.search(data, scan)
    return marker is not None and marker[0] == b"\xff\xd9"


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield each segment's marker, and where its content begins and ends; stop at what is none."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        if end < place + 4 or end > len(data):
            return
        yield data[place + 1], place + 4, end
        place = end


@lru_cache(64)
def _quantizers(content: bytes) -> frozenset[int]:
    """Return which tables a segment defines, none where it is damaged; pictures share their tables."""
    found, place = set[int](), 0
    while place < len(content):
        precision, number = divmod(content[place], 16)
        if precision > 1 or number > 3:
            return frozenset()
        found.add(number)
        place += 1 + 64 * (precision + 1)
    return frozenset(found) if place == len(content) else frozenset()


@lru_cache(64)
def _huffmans(content: bytes) -> frozenset[int]:
    """Likewise."""
    found, place = set[int](), 0
    while place + 17 <= len(content):
        kind, counts = content[place], content[place + 1 : place + 17]
        symbols = content[place + 17 : place + 17 + sum(counts)]
        if kind & 0xEF > 3 or not _is_code(counts) or len(symbols) < sum(counts):
            return frozenset()
        if kind < 16 and max(symbols) > 15:
            return frozenset()
        found.add(kind)
        place += 17 + len(symbols)
    return frozenset(found) if place == len(content) else frozenset()


def _is_code(counts: bytes) -> bool:
    """Tell whether so many codes of 1 to 16 bits can be told apart, none of them all ones."""
    code = 0
    for length, count in enumerate(counts, start=1):
        code += count
        if count and code >= 1 << length:
            return False
        code <<= 1
    return 0 < sum(counts) <= 256


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame header: the size, and the quantizer of each component by its id."""

    width: int
    height: int
    components: dict[int, int]


def _frame(content: bytes) -> _Frame | None:
    """Read a frame header; None where it is not gray or color as everybody writes it."""
    if len(content) < 6 or content[0] != 8:
        return None
    height, width, count = int.from_bytes(content[1:3]), int.from_bytes(content[3:5]), content[5]
    if count not in (1, 3) or len(content) != 6 + 3 * count:
        return None
    if not 0 < min(height, width) <= max(height, width) <= _LONGEST:
        return None
    parts = [content[place : place + 3] for place in range(6, len(content), 3)]
    luma, *chroma = (part[1] for part in parts)
    if luma not in (0x11, 0x12, 0x21, 0x22) or any(sampling != 0x11 for sampling in chroma):
        return None
    components = {part[0]: part[2] for part in parts}
    return _Frame(width, height, components) if len(components) == count else None


def _is_whole(scan: bytes, components: dict[int, int], huffmans: set[int]) -> bool:
    """Tell whether a scan holds every component, from tables that are there."""
    count = len(components)
    if len(scan) != 4 + 2 * count or scan[0] != count or scan[-3:] != b"\x00\x3f\x00":
        return False
    ids, tables = scan[1:-3:2], scan[2:-3:2]
    return list(ids) == list(components) and all(
        {table >> 4, 16 | table & 15} <= huffmans for table in tables
    )
