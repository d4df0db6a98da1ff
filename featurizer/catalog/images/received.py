"""What arrived for one picture, and the judgment on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.records import OK, FetchedImage


@dataclass(frozen=True, slots=True)
class Received:
    """The bytes as they came, or the reason why they did not; part of a body may have come with a reason."""

    status: str
    data: bytes = b""
    attempts: int = 0


def judge(received: Received) -> FetchedImage:
    """Decode all that was received: only a picture that decodes is `ok`, and only its bytes are kept."""
    data, attempts = received.data, received.attempts
    sha256 = hashlib.sha256(data).hexdigest() if data else None
    if received.status != OK:
        return FetchedImage(received.status, sha256=sha256, attempts=attempts)
    try:
        width, height = decode(data).size
    except UndecodableImage as error:
        return FetchedImage(error.reason, sha256=sha256, attempts=attempts)
    return FetchedImage(OK, data, sha256, width, height, attempts)
