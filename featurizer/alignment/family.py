"""Learned maps as a family of encoders: `align:DIR`, where DIR is what `align` wrote."""

from __future__ import annotations

from collections.abc import Sequence

from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily


def load(request: EncoderRequest) -> Sequence[AnyEncoder]:
    """Load a map and the encoders of the spaces that it was learned on."""
    from featurizer.alignment import encoder

    return encoder.load(request)


FAMILY = EncoderFamily(
    name="align", load=load, needs_model=True, folders_only=True, name_model=lambda model: "aligned"
)
