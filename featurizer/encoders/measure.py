"""How fast encoders are on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from PIL.Image import Image, fromarray

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Pair

TEXT = "red cotton dress with long sleeves a round neck and two pockets for cold days in blue and green"
SIDE = (480, 640)
"""Rows and columns of a picture."""
LENGTH = 60
"""Words of a text: about what a title and the beginning of a description have."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one space is made.

    Attributes:
        space: its name.
        dim: length of its vectors.
        items: a second, prepared on one thread and encoded.
        batch_size: items encoded at once.
    """

    space: str
    dim: int
    items: float
    batch_size: int


def measure(
    encoders: Sequence[AnyEncoder],
    *,
    batch_size: int = 16,
    seconds: float = 5.0,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Speed]:
    """Encode made-up items until the time is over, after one batch that does not count.

    Pictures are of 640 × 480 random colors, texts of 60 English words; preparing counts, decoding does not.

    Args:
        encoders: the encoders.
        batch_size: items at once.
        seconds: for each of them; the batch that is begun is finished.
        clock: tells the time in seconds.
    """
    return [_speed(encoder, batch_size, seconds, clock) for encoder in encoders]


def _speed(encoder: AnyEncoder, batch_size: int, seconds: float, clock: Callable[[], float]) -> Speed:
    items = _items(encoder.spec, batch_size)
    _encode(encoder, items)
    begun, done = clock(), 0
    while True:
        _encode(encoder, items)
        done += batch_size
        took = clock() - begun
        if took >= seconds:
            return Speed(encoder.spec.space, encoder.spec.dim, done / took, batch_size)


def _encode(encoder: AnyEncoder, items: Sequence[object]) -> None:
    alone = encoder.spec.modality == "image" and encoder.spec.images is not None
    prepared = [encoder.prepare(item) for item in items]
    encoder.encode([[one] for one in prepared] if alone else prepared)


def _items(spec: EncoderSpec, count: int) -> list[object]:
    rng = np.random.default_rng(0)
    pictures: list[Image] = [fromarray(rng.integers(0, 256, (*SIDE, 3), np.uint8)) for _ in range(count)]
    texts = [" ".join(islice(cycle(TEXT.split()), row, row + LENGTH)) for row in range(count)]
    if spec.modality == "both":
        return [Pair(picture, text) for picture, text in zip(pictures, texts, strict=True)]
    return list(pictures if spec.modality == "image" else texts)
