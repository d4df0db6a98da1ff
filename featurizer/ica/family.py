"""Trained alignments as encoders: `ica:DIR`, where DIR is what `pretrain-ica` wrote, and `filled:DIR`, its start."""

from __future__ import annotations

from collections.abc import Sequence

from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily
from featurizer.papers import ALIGNREC


def load(request: EncoderRequest) -> Sequence[AnyEncoder]:
    """Load the encoder of one trained alignment."""
    from featurizer.ica import encoder

    return encoder.load(request)


def load_filled(request: EncoderRequest) -> Sequence[AnyEncoder]:
    """Load the encoder of what a trained alignment starts from."""
    from featurizer.ica import encoder

    return encoder.load(request, encoder.FILLED)


FAMILY = EncoderFamily(
    name="ica",
    load=load,
    papers={"": ALIGNREC},
    needs_model=True,
    folders_only=True,
    name_model=lambda model: "unified",
)

FILLED = EncoderFamily(
    name="filled",
    load=load_filled,
    papers={"": ALIGNREC},
    needs_model=True,
    folders_only=True,
    name_model=lambda model: "filled",
)
