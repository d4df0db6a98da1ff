"""Hugging Face transformers: vision models, text models, and both sides of dual models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.preset import EncoderPreset
from featurizer.registry import Extra

if TYPE_CHECKING:
    from featurizer.encoders.tokens import AnyTokenEncoder


def load(request: EncoderRequest) -> Sequence[AnyEncoder]:
    """Load the encoders of one model."""
    from featurizer.encoders.families.transformers import encoder

    return encoder.load(request)


def load_tokens(request: EncoderRequest) -> Sequence[AnyTokenEncoder]:
    """Load the token encoders of one model."""
    from featurizer.encoders.families.transformers import tokens

    return tokens.load(request)


FAMILY = EncoderFamily(
    name="transformers",
    load=load,
    load_tokens=load_tokens,
    extra=Extra(("transformers",)),
    libraries=("tokenizers", "torchvision", "transformers"),
    presets=(
        EncoderPreset(
            "siglip",
            "google/siglip-base-patch16-224",
            {"image": 768, "text": 768},
            "Apache-2.0",
            extra=Extra(("sentencepiece", "google.protobuf")),
        ),
        EncoderPreset("dinov2", "facebook/dinov2-base", {"image": 768}, "Apache-2.0", pooling="cls"),
        EncoderPreset(
            "vit", "google/vit-base-patch16-224-in21k", {"image": 768}, "Apache-2.0", pooling="cls"
        ),
        EncoderPreset("bert", "google-bert/bert-base-uncased", {"text": 768}, "Apache-2.0", pooling="mean"),
    ),
    needs_model=True,
    options=("prompt", "pooling", "max_tokens", "image_size", "layer"),
    remote_code=True,
)
