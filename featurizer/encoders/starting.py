"""A batch that is started here and waited for later: a GPU computes it while the next is put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from featurizer.encoders.base import AnyEncoder, Vectors


def start_encoding(encoder: AnyEncoder, prepared: Sequence[Any]) -> Callable[[], Vectors]:
    """Start to encode a batch, and return what waits for its vectors; an encoder that cannot wait encodes at once."""
    start: Callable[[Sequence[Any]], Callable[[], Vectors]] | None = getattr(encoder, "start", None)
    if start is not None:
        return start(prepared)
    vectors = encoder.encode(prepared)
    return lambda: vectors


@dataclass(frozen=True, slots=True)
class Started:
    """A batch that is being encoded.

    Attributes:
        places: of the n items that the encoder takes, in the batch.
        refused: what it raised over each of the others, by its place.
        vectors: waits for the (n, d) vectors of those.
    """

    places: list[int]
    refused: Mapping[int, Exception]
    vectors: Callable[[], Vectors]


def start_taken(encoder: AnyEncoder, prepared: Sequence[Any]) -> Started:
    """Start to encode those of a batch that an encoder takes; each is tried alone where it does not take all.

    A model that prepares a batch as it encodes it refuses what no preparation of one item could: a picture that is too
    narrow, say.

    Raises:
        ValueError: it takes each of them, but not together.
    """
    try:
        return Started(list(range(len(prepared))), {}, start_encoding(encoder, prepared))
    except ValueError:
        refused: dict[int, Exception] = {}
        for place, one in enumerate(prepared):
            try:
                encoder.encode([one])
            except ValueError as error:
                refused[place] = error
        if not refused:
            raise
    places = [place for place in range(len(prepared)) if place not in refused]
    if not places:
        return Started([], refused, lambda: np.empty((0, encoder.spec.dim), np.float32))
    return Started(places, refused, start_encoding(encoder, [prepared[place] for place in places]))
