"""What the contracts feed to an encoder, and how they compare what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Pair, Vectors

TOLERANCE = 1e-5
"""How far a vector's entries may differ between two batches: absolutely, or relative to the entry."""


def sample_images() -> list[Image.Image]:
    """Return RGB pictures of several shapes, made from a seed."""
    rng = np.random.default_rng(0)
    shapes = [(64, 64), (90, 40), (33, 71), (7, 5)]
    return [
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for height, width in shapes
    ]


def sample_texts() -> list[str]:
    """Return texts of several lengths: empty, short, beyond ASCII, past most token limits."""
    return ["red cotton dress", "", "Schön, 100 % Wolle — 日本 🧶", "a long coat for cold days " * 60]


def sample_pairs() -> list[Pair]:
    """Return pictures with texts, then a picture without a text and a text without a picture."""
    images, texts = sample_images(), sample_texts()
    pairs = [Pair(image, text) for image, text in zip(images, texts, strict=True)]
    return [*pairs, Pair(images[0], None), Pair(None, texts[0])]


def sample_items() -> list[list[Image.Image]]:
    """Return the pictures of items that have one, several, and the same ones in another order."""
    first, second, third, fourth = sample_images()
    return [[first], [second, third], [third, second], [fourth, first, second]]


def sample_inputs(spec: EncoderSpec) -> Sequence[object]:
    """Return what an encoder takes of different items: of both modalities also items that lack one of them."""
    if spec.modality == "text":
        return sample_texts()
    several = sample_items() if spec.images is not None else []
    if spec.modality == "image":
        return several or sample_images()
    texts = [*sample_texts(), None]
    return [
        *sample_pairs(),
        *(Pair.of(pictures, text) for pictures, text in zip(several, texts, strict=False)),
    ]


def encode_all(encoder: AnyEncoder, inputs: Sequence[object]) -> Vectors:
    """Return the (b, dim) vectors of b inputs."""
    return encoder.encode([prepare_input(encoder, value) for value in inputs])


def prepare_input(encoder: AnyEncoder, value: Any) -> Any:  # noqa: ANN401 - the encoder's own
    """Prepare an item as `extract` does: of an encoder of several pictures each by itself."""
    if encoder.spec.modality == "image" and encoder.spec.images is not None:
        return [encoder.prepare(picture) for picture in value]
    return encoder.prepare(value)


def assert_close(found: Vectors, expected: Vectors) -> None:
    """Compare two arrays entry by entry."""
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
