"""A batch that is started here and waited for later: a GPU computes it while the next is put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from featurizer.encoders.base import AnyEncoder, Vectors


def start_encoding(encoder: AnyEncoder, prepared: Sequence[Any]) -> Callable[[], Vectors]:
    """Start to encode a batch, and return what waits for its vectors; an encoder that cannot wait encodes at once."""
    start: Callable[[Sequence[Any]], Callable[[], Vectors]] | None = getattr(encoder, "start", None)
    if start is not None:
        return start(prepared)
    vectors = encoder.encode(prepared)
    return lambda: vectors
