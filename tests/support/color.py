"""Two encoders that need no model: a picture's mean colors, a text's letters. For tests of the plumbing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.encoders.base import EncoderSpec, Modality


def spec(name: str, modality: Modality, dim: int) -> EncoderSpec:
    return EncoderSpec(name, modality, dim, "tests", name, None, "folder", "0" * 64, "mean", normalized=False)


@dataclass
class ColorEncoder:
    """(8, 8, 3) mean colors, 192 values."""

    spec: EncoderSpec
    delay: float = 0.0

    def prepare(self, value):
        return np.asarray(value.resize((8, 8)), np.float32) / 255

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        time.sleep(self.delay)
        return (
            np.stack([image.reshape(-1) for image in prepared])
            if prepared
            else np.zeros((0, 192), np.float32)
        )


@dataclass
class LetterEncoder:
    """Counts of 32 letter classes; the word `infinite` gives what a broken model gives."""

    spec: EncoderSpec

    def prepare(self, value):
        return value

    def encode(self, prepared: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(prepared), 32), np.float32)
        for row, text in zip(rows, prepared, strict=True):
            row += np.bincount(np.frombuffer(text.encode(), np.uint8) % 32, minlength=32)
            if "infinite" in text:
                row[0] = np.inf
        return rows


def encoders(delay: float = 0.0) -> list[object]:
    return [ColorEncoder(spec("color", "image", 192), delay), LetterEncoder(spec("letter", "text", 32))]
