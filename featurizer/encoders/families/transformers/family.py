"""Hugging Face transformers: vision models, text models, and both sides of dual models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.languages import ENGLISH, MANY
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
            parameters=203_155_970,
            languages=ENGLISH,
        ),
        EncoderPreset(
            "siglip2",
            "google/siglip2-base-patch16-224",
            {"image": 768, "text": 768},
            "Apache-2.0",
            parameters=375_187_970,
            languages=MANY,
        ),
        EncoderPreset(
            "dinov2",
            "facebook/dinov2-base",
            {"image": 768},
            "Apache-2.0",
            pooling="cls",
            parameters=86_580_480,
        ),
        EncoderPreset(
            "dinov3",
            "facebook/dinov3-vitb16-pretrain-lvd1689m",
            {"image": 768},
            "LicenseRef-DINOv3",
            pooling="cls",
            parameters=85_660_416,
            gated=True,
        ),
        EncoderPreset(
            "vit",
            "google/vit-base-patch16-224-in21k",
            {"image": 768},
            "Apache-2.0",
            pooling="cls",
            parameters=85_798_656,
        ),
        EncoderPreset(
            "bert",
            "google-bert/bert-base-uncased",
            {"text": 768},
            "Apache-2.0",
            pooling="mean",
            parameters=108_891_648,
            languages=ENGLISH,
        ),
    ),
    needs_model=True,
    options=("prompt", "pooling", "max_tokens", "image_size", "layer"),
    remote_code=True,
)
