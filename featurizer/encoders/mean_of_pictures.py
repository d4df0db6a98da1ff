"""The vectors of an item's pictures as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Vectors

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
        pictures = [one for item in prepared for one in item]
        starts = range(0, len(pictures), max(len(prepared), 1))
        parts = [self.encoder.encode(pictures[start : start + len(prepared)]) for start in starts]
        if not parts:
            return np.zeros((0, self.spec.dim), np.float32)
        vectors = np.concatenate(parts).astype(np.float64)
        with np.errstate(invalid="ignore"):
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), TINY)
        counts = np.array([len(item) for item in prepared])
        sums = np.add.reduceat(vectors, np.cumsum(counts) - counts, axis=0)
        return (sums / counts[:, None]).astype(np.float32)


def seeing_all(encoders: Sequence[AnyEncoder]) -> list[AnyEncoder]:
    """Let every encoder of pictures see all of an item; those that read texts, too or alone, stay as they are."""
    return [MeanOfPictures.of(one) if one.spec.modality == "image" else one for one in encoders]
