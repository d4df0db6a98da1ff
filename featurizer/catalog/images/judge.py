"""The judgment on what arrived for one picture."""

from __future__ import annotations

import hashlib

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.records import OK, FetchedImage


def judge(status: str, data: bytes, attempts: int = 0) -> FetchedImage:
    """Decode all that was received: only a picture that decodes is `ok`, and only its bytes are kept.

    Args:
        status: `ok`, or the reason why not all came.
        data: the bytes as they came.
        attempts: how often it was tried.
    """
    sha256 = hashlib.sha256(data).hexdigest() if data else None
    if status != OK:
        return FetchedImage(status, sha256=sha256, attempts=attempts)
    try:
        width, height = decode(data).size
    except UndecodableImage as error:
        return FetchedImage(error.reason, sha256=sha256, attempts=attempts)
    return FetchedImage(OK, data, sha256, width, height, attempts)
