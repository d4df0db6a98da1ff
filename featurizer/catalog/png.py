"""Metadata that is larger than the picture: what Pillow refuses a good PNG for is left out before it is read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

__all__ = ["SIGNATURE", "without_large_metadata"]

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_LARGEST: Final = 2**20
"""Bytes that a chunk may inflate to: Pillow's limit."""
_TOGETHER: Final = 2**25
"""Bytes that all of it may have: half of what Pillow allows."""
_COMPRESSED: Final = (b"zTXt", b"iTXt", b"iCCP")
_METADATA: Final = (*_COMPRESSED, b"tEXt")


def without_large_metadata(data: bytes) -> bytes:
    """Return a PNG without the texts and profiles that inflate beyond a mebibyte; pixels and all else as they were.

    Args:
        data: a PNG; where its chunks do not follow each other, it is returned as it is.
    """
    kept, together = [SIGNATURE], 0
    for kind, start, end in _chunks(data):
        size = _inflated(kind, data[start + 8 : end - 4]) if kind in _METADATA else 0
        together += size
        if size == 0 or (size <= _LARGEST and together <= _TOGETHER):
            kept.append(data[start:end])
    whole = b"".join(kept)
    return whole + data[_end(data) :] if len(whole) < _end(data) else data


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's kind and where it starts and ends, length and check sum included, as far as they go."""
    start = len(SIGNATURE)
    while start + 12 <= len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            return
        yield data[start + 4 : start + 8], start, end
        start = end


def _end(data: bytes) -> int:
    return max((end for _, _, end in _chunks(data)), default=len(SIGNATURE))


def _inflated(kind: bytes, body: bytes) -> int:
    """Return how many bytes a chunk's text or profile has, counted no further than just beyond the limit."""
    if kind not in _COMPRESSED:
        return len(body)
    packed = body.partition(b"\0")[2][1:]
    if kind == b"iTXt":
        flagged = body.partition(b"\0")[2]
        if flagged[:1] != b"\1":
            return len(body)
        packed = flagged[2:].partition(b"\0")[2].partition(b"\0")[2]
    try:
        return len(zlib.decompressobj().decompress(packed, _LARGEST + 1))
    except zlib.error:  # Pillow leaves out what does not inflate
        return 0
