"""The judgment on what arrived for one picture."""

from __future__ import annotations

import hashlib
import zlib

from featurizer.catalog.decode import UndecodableImage, check
from featurizer.records import OK, FetchedImage


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
    sha256 = hashlib.sha256(whole).hexdigest() if whole else None
    try:
        width, height = check(whole)
    except UndecodableImage as error:
        return FetchedImage(error.reason, sha256=sha256)
    except Exception as error:  # noqa: BLE001 - a fault of ours in one picture is that picture's reason
        return FetchedImage(f"error_{type(error).__name__}", sha256=sha256)
    return FetchedImage(OK, whole, sha256, width, height)


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
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | 32)
    try:
        found = unpacker.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise ValueError("decode_error") from error
    if len(found) > max_bytes:
        raise ValueError("too_large")
    if not unpacker.eof:
        raise ValueError("truncated")
    return found
