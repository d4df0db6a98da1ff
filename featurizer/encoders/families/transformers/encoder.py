"""Encoders from Hugging Face transformers: vision models, text models, and both sides of dual models."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import torch
from PIL.Image import Image, Resampling
from PIL.Image import new as new_image
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    BaseImageProcessor,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from featurizer.encoders.base import AnyEncoder, EncoderRequest, Modality
from featurizer.encoders.families.transformers.family import FAMILY
from featurizer.encoders.families.transformers.model import (
    LAYOUT,
    TransformersModel,
    open_model,
    where,
)
from featurizer.encoders.families.transformers.pooling import text_pool, vision_pool
from featurizer.encoders.loaded import LoadedEncoder
from featurizer.encoders.torch_encoder import as_given, stacked, torch_encoder
from featurizer.encoders.weights import loading
from featurizer.errors import InputError
from featurizer.records import Json


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load one transformers model, from the Hub or a local folder.

    A dual model (CLIP, SigLIP) gives its projected image and text features, as `get_image_features` and
    `get_text_features` return them; a single one the pooling asked for or its own (`own_vision_pooling`,
    `mean` for texts).

    Raises:
        InputError: the model reads neither pictures nor texts, or not the modality asked for.
        ModelUnavailable: the weights could not be had, or the checkpoint lacks some.
    """
    loaded = open_model(request)
    build: dict[Modality, Callable[[TransformersModel], AnyEncoder]] = {
        "image": image_encoder,
        "text": text_encoder,
    }
    return tuple(build[side](loaded) for side in loaded.sides)


def image_encoder(loaded: TransformersModel) -> LoadedEncoder[Image, torch.Tensor]:
    """Return the encoder of pictures to vectors.

    Raises:
        InputError: the model takes pictures of varying size.
        ModelUnavailable: its preprocessing could not be had.
    """
    request = loaded.request
    with loading(request, FAMILY.name, layout=LAYOUT):
        processor = AutoImageProcessor.from_pretrained(where(request), revision=request.revision)
    if list(processor.model_input_names) != ["pixel_values"]:
        raise InputError(
            f"transformers:{request.model} takes {', '.join(processor.model_input_names)} a picture; "
            "expected pixel_values of one fixed size. Choose a fixed-resolution model."
        )

    def prepare(image: Image) -> torch.Tensor:
        pixels: torch.Tensor = processor(images=image, return_tensors="pt")["pixel_values"][0]
        return pixels

    forward = stacked(_image_features(loaded), device=request.device, dtype=request.dtype)
    blank = prepare(new_image("RGB", (64, 64)))
    with torch.inference_mode():
        dim = forward([blank]).shape[-1]
    return torch_encoder(loaded.spec("image", dim, _image_preprocessing(processor, blank)), prepare, forward)


def _image_features(loaded: TransformersModel) -> Callable[[torch.Tensor], torch.Tensor]:
    model = loaded.model
    if loaded.is_dual:
        return lambda pixels: model.get_image_features(pixel_values=pixels).pooler_output
    pool = vision_pool(model, loaded.pooling)
    return lambda pixels: pool(model(pixel_values=pixels))


def open_tokenizer(loaded: TransformersModel) -> PreTrainedTokenizerBase:
    """Load a model's tokenizer.

    Raises:
        ModelUnavailable: it could not be had.
    """
    request = loaded.request
    with loading(request, FAMILY.name, layout=LAYOUT):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            where(request), revision=request.revision
        )
    return tokenizer


def text_encoder(loaded: TransformersModel, given: PreTrainedTokenizerBase | None = None) -> AnyEncoder:
    """Return the encoder of texts to vectors.

    Args:
        loaded: the model.
        given: its tokenizer, where it is loaded already.

    Raises:
        ModelUnavailable: its tokenizer could not be had.
    """
    request, tokenizer = loaded.request, given or open_tokenizer(loaded)
    prompt, limit, padding = request.prompt or "", token_limit(loaded.model, tokenizer), loaded.text_padding
    features = _text_features(loaded)

    def forward(texts: Sequence[str]) -> torch.Tensor:
        tokens = tokenizer(
            [prompt + value for value in texts],
            padding=padding,
            truncation=limit is not None,
            max_length=limit,
            return_tensors="pt",
        )
        return features(tokens.to(request.device))

    with torch.inference_mode():
        dim = forward(["text"]).shape[-1]
    preprocessing: dict[str, Json] = {
        "library": FAMILY.name,
        "tokenizer": type(tokenizer).__name__,
        "token_limit": limit,
        "padding": padding,
        "prompt": prompt,
    }
    return torch_encoder(loaded.spec("text", dim, preprocessing), as_given, forward)


def _text_features(loaded: TransformersModel) -> Callable[[Mapping[str, torch.Tensor]], torch.Tensor]:
    model = loaded.model
    if loaded.is_dual:
        return lambda tokens: model.get_text_features(**tokens).pooler_output
    pool = text_pool(loaded.pooling)
    return lambda tokens: pool(model(**tokens), tokens["attention_mask"])


def token_limit(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the most tokens that both the tokenizer and the position table allow; None when neither says."""
    config = getattr(model.config, "text_config", model.config)
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    padding_index = getattr(table, "padding_idx", None)
    reserved = 0 if padding_index is None else int(padding_index) + 1  # RoBERTa counts from there
    positions = getattr(config, "max_position_embeddings", None)
    limits = [tokenizer.model_max_length, positions - reserved if positions else None]
    return min((int(limit) for limit in limits if limit and limit < 10**9), default=None)


def _image_preprocessing(processor: BaseImageProcessor, pixels: torch.Tensor) -> dict[str, Json]:
    """Record the processor's own settings; its backend too, since they resize differently."""
    settings = json.loads(json.dumps(processor.to_dict()))
    resample = settings.pop("resample", None)
    return {
        "library": FAMILY.name,
        "processor": settings.pop("image_processor_type"),
        "backend": processor.backend,
        "input_size": list(pixels.shape),
        "interpolation": None if resample is None else Resampling(resample).name.lower(),
        "mean": settings.pop("image_mean", None),
        "std": settings.pop("image_std", None),
        **settings,
    }
