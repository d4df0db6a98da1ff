"""The judgment on what arrived for one picture."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import Final

from featurizer.catalog.decode import UndecodableImage, check
from featurizer.records import OK, FetchedImage

USUAL: Final = 2**17
"""Bytes of a picture of usual size, at most."""
UNSHARED: Final = 2047
"""Bytes; while `hashlib` hashes more, other threads run."""
PIECE: Final = 2**20
"""Bytes that are unpacked at once."""


def judge(status: str, data: bytes, *, encoding: str = "", max_bytes: int = 2**63) -> FetchedImage:
    """Decode what was received: only a picture that decodes is `ok`, and only its bytes are kept.

    Args:
        status: `ok`, or the reason why not all came.
        data: the bytes as they came.
        encoding: how they are packed; a server that was asked for them as they are may pack them all the same.
        max_bytes: unpacked they may be so many.
    """
    if status != OK:
        return FetchedImage(status)
    try:
        whole = unpacked(data, encoding, max_bytes)
    except ValueError as error:
        return FetchedImage(str(error), sha256=hashlib.sha256(data).hexdigest())
    sha256 = _sha256(whole) if whole else None
    try:
        width, height = check(whole)
    except UndecodableImage as error:
        return FetchedImage(error.reason, sha256=sha256)
    except Exception as error:  # noqa: BLE001 - a fault of ours in one picture is that picture's reason
        return FetchedImage(f"error_{type(error).__name__}", sha256=sha256)
    return FetchedImage(OK, whole, sha256, width, height)


def _sha256(data: bytes) -> str:
    """Hash a picture; one of usual size in pieces so small that no other thread takes its turn in between.

    To take turns costs more than that: each thread then finds what it works on in the other core's memory.
    """
    digest = hashlib.sha256()
    if len(data) > USUAL:
        digest.update(data)
    else:
        view = memoryview(data)
        for start in range(0, len(data), UNSHARED):
            digest.update(view[start : start + UNSHARED])
    return digest.hexdigest()


def unpacked(data: bytes, encoding: str, max_bytes: int) -> bytes:
    """Undo gzip or deflate, in bounded memory.

    Raises:
        ValueError: `decode_error` or `too_large`.
    """
    name = encoding.strip().lower()
    if name in ("", "identity") or not data:
        return data
    if name not in ("gzip", "x-gzip", "deflate"):
        raise ValueError("decode_error")
    bare = name == "deflate" and data[0] & 0x0F != zlib.DEFLATED  # without the header that the RFC has
    bits = -zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32
    try:
        size = sum(map(len, _pieces(data, bits, max_bytes)))  # before so much is held
        if size > max_bytes:
            raise ValueError("too_large")
        return zlib.decompress(data, bits, max(size, 1))  # into one block: no second copy of it is held
    except zlib.error as error:
        raise ValueError("decode_error") from error


def _pieces(data: bytes, bits: int, max_bytes: int) -> Iterator[bytes]:
    """Unpack piece by piece, a little more than `max_bytes` at most."""
    unpacker, size = zlib.decompressobj(bits), 0
    while not unpacker.eof and size <= max_bytes:
        piece = unpacker.decompress(data, PIECE)
        if not piece and not unpacker.eof:
            raise ValueError("truncated")
        data, size = unpacker.unconsumed_tail, size + len(piece)
        yield piece
