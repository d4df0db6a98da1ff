"""What the contracts feed to an encoder, and how they compare what comes out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from featurizer.encoders.base import AnyEncoder, Pair, Vectors

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


def sample_inputs(modality: str) -> Sequence[object]:
    """Return what an encoder of a modality (`image`, `text` or `both`) takes."""
    if modality == "both":
        return sample_pairs()
    return sample_images() if modality == "image" else sample_texts()


def encode_all(encoder: AnyEncoder, inputs: Sequence[object]) -> Vectors:
    """Return the (b, dim) vectors of b inputs."""
    return encoder.encode([encoder.prepare(value) for value in inputs])


def assert_close(found: Vectors, expected: Vectors) -> None:
    """Compare two arrays entry by entry."""
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)
