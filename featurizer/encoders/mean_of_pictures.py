"""The vectors of an item's pictures as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Vectors
from featurizer.encoders.starting import start_encoding

TINY = float(np.finfo(np.float32).tiny)
"""What a length is taken to be at least: a vector of zeros stays one."""


@dataclass(frozen=True, slots=True)
class MeanOfPictures:
    """An encoder of all pictures of an item: v = (1/m) Σ vₖ / ‖vₖ‖ over its m pictures that can be used.

    The mean is not normalized again: it is the shorter, the less the pictures agree.

    Attributes:
        encoder: of one picture.
        spec: of the means.
    """

    encoder: AnyEncoder
    spec: EncoderSpec

    @classmethod
    def of(cls, encoder: AnyEncoder) -> MeanOfPictures:
        """Let an encoder of pictures see all of an item."""
        return cls(encoder, replace(encoder.spec, images="mean", normalized=False))

    def prepare(self, value: Any, /) -> Any:  # noqa: ANN401 - the encoder's own
        """Prepare one picture."""
        return self.encoder.prepare(value)

    def encode(self, prepared: Sequence[Sequence[Any]], /) -> Vectors:
        """Return the (b, dim) float32 vectors of b items of one or more prepared pictures each.

        The encoder sees no more pictures at once than there are items.
        """
        return self.start(prepared)()

    def start(self, prepared: Sequence[Sequence[Any]], /) -> Callable[[], Vectors]:
        """Start to encode as `encode` does, and return what waits for the vectors."""
        if not prepared:
            return lambda: np.zeros((0, self.spec.dim), np.float32)
        pictures = [one for item in prepared for one in item]
        size = len(prepared)
        begun = [
            start_encoding(self.encoder, pictures[at : at + size]) for at in range(0, len(pictures), size)
        ]
        counts = np.array([len(item) for item in prepared])
        return lambda: _means(np.concatenate([wait() for wait in begun]), counts)


def _means(vectors: Vectors, counts: np.ndarray) -> Vectors:
    """Return (b, dim) the means of the normalized (p, dim) vectors of p pictures, of which each item has its count."""
    unit = vectors.astype(np.float64)
    with np.errstate(invalid="ignore"):
        unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), TINY)
    sums = np.add.reduceat(unit, np.cumsum(counts) - counts, axis=0)
    return (sums / counts[:, None]).astype(np.float32)


def seeing_all(encoders: Sequence[AnyEncoder]) -> list[AnyEncoder]:
    """Let every encoder of pictures see all of an item; those that do already, or that read texts, stay as they are."""
    return [
        MeanOfPictures.of(one) if one.spec.modality == "image" and one.spec.images is None else one
        for one in encoders
    ]
