"""Encoders from Hugging Face transformers: vision models, text models, and both sides of dual models."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image, Resampling
from PIL.Image import new as new_image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoTokenizer,
    BaseImageProcessor,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec, Modality
from featurizer.encoders.pooling import (
    check_pooling,
    drop_unused_pooler,
    own_vision_pooling,
    text_pool,
    vision_pool,
)
from featurizer.encoders.torch_encoder import TorchEncoder, as_given, stacked
from featurizer.encoders.weights import (
    CONFIG,
    folder_or_hub_name,
    freeze,
    hub_commit,
    loading,
    source,
    state_sha256,
    without_weights_bar,
)
from featurizer.errors import InputError, ModelUnavailable
from featurizer.records import Json

FAMILY = "transformers"
LAYOUT = "config.json, model.safetensors and preprocessor_config.json or the tokeniser's files"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory, with what its specification needs besides the side's own facts.

    Attributes:
        request: what was asked for.
        model: frozen, on its device.
        weight_hash: of the weights as loaded, in float32.
        pooling: how its states become a vector; `projection` for both sides of a dual model.
    """

    request: EncoderRequest
    model: PreTrainedModel
    weight_hash: str
    pooling: str

    def spec(self, modality: Modality, dim: int, preprocessing: Mapping[str, Json]) -> EncoderSpec:
        """Describe one side."""
        request = self.request
        return EncoderSpec(
            name=request.name,
            modality=modality,
            dim=dim,
            family=FAMILY,
            model=request.model,
            revision=hub_commit(request.model, request, *CONFIG),
            source=source(request),
            weight_hash=self.weight_hash,
            pooling=self.pooling,
            normalised=False,
            preprocessing=preprocessing,
            licence=request.licence,
            dtype=request.dtype,
        )


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load one transformers model, from the Hub or a local folder.

    A dual model (CLIP, SigLIP) gives its projected image and text features, as `get_image_features` and
    `get_text_features` return them; a single one the pooling asked for or its own (`own_vision_pooling`,
    `mean` for texts).

    Raises:
        InputError: the model reads neither pictures nor texts, or not the modality asked for.
        ModelUnavailable: the weights could not be had, or the checkpoint lacks some.
    """
    check_pooling(request.pooling)
    model, missing = _open(request)
    sides = _sides(model, request)
    pooling = _pooling(model, request, sides)
    drop_unused_pooler(model, pooling)
    _refuse_random_weights(request, missing & model.state_dict().keys())
    weight_hash = state_sha256(model)
    freeze(model, request)
    loaded = Loaded(request, model, weight_hash, pooling)
    build: dict[Modality, Callable[[Loaded], AnyEncoder]] = {"image": _image_encoder, "text": _text_encoder}
    return tuple(build[side](loaded) for side in sides if side in (request.modalities or sides))


def _open(request: EncoderRequest) -> tuple[PreTrainedModel, set[str]]:
    """Return the model in float32 and the names of the weights that the checkpoint does not hold."""
    where = _where(request)
    with loading(request, FAMILY, layout=LAYOUT, repo=request.model), without_weights_bar():
        config = AutoConfig.from_pretrained(where, revision=request.revision)
        _refuse_random_masks(request, config)
        model, info = AutoModel.from_pretrained(
            where,
            config=config,
            revision=request.revision,
            dtype=torch.float32,
            output_loading_info=True,
        )
    return model, set(info["missing_keys"])


def _where(request: EncoderRequest) -> str:
    return folder_or_hub_name(request, FAMILY)


def _is_dual(model: PreTrainedModel) -> bool:
    return hasattr(model, "get_image_features") and hasattr(model, "get_text_features")


def _sides(model: PreTrainedModel, request: EncoderRequest) -> tuple[Modality, ...]:
    sides: tuple[Modality, ...] = ()
    if _is_dual(model):
        sides = ("image", "text")
    elif not getattr(model.config, "is_encoder_decoder", False):
        reads: dict[str, tuple[Modality, ...]] = {"pixel_values": ("image",), "input_ids": ("text",)}
        sides = reads.get(model.main_input_name, ())
    wanted = request.modalities or sides
    if not sides or not set(wanted) <= set(sides):
        raise InputError(
            f"transformers:{request.model} is a {type(model).__name__}, which gives vectors of "
            f"{' and '.join(sides) or 'no kind that can be used here'}; expected a vision, text or "
            f"dual encoder{' of ' + ' and '.join(wanted) if wanted else ''}. Choose another model."
        )
    return sides


def _pooling(model: PreTrainedModel, request: EncoderRequest, sides: Sequence[Modality]) -> str:
    if not _is_dual(model):
        return request.pooling or (own_vision_pooling(model) if "image" in sides else "mean")
    if request.pooling is not None:
        raise InputError(
            f"transformers:{request.model} was asked for {request.pooling} pooling, but dual models "
            "give their projected features; leave the pooling out"
        )
    return "projection"


def _refuse_random_masks(request: EncoderRequest, config: PreTrainedConfig) -> None:
    if hasattr(config, "mask_ratio"):
        raise InputError(
            f"transformers:{request.model} is a {config.model_type} model, which hides random patches in "
            "evaluation mode too, so its vectors would be random. Load the same weights through timm, for "
            "example timm:vit_base_patch16_224.mae."
        )


def _refuse_random_weights(request: EncoderRequest, missing: set[str]) -> None:
    names = sorted(name for name in missing if not name.endswith("mask_token"))
    if names:
        raise ModelUnavailable(
            f"the checkpoint of transformers:{request.model} lacks {len(names)} weights of the model "
            f"({', '.join(names[:3])}), so its vectors would be random. Choose another pooling (cls or mean "
            "where it is the pooling layer that is missing) or another checkpoint."
        )


def _image_encoder(loaded: Loaded) -> AnyEncoder:
    request = loaded.request
    with loading(request, FAMILY, layout=LAYOUT):
        processor = AutoImageProcessor.from_pretrained(_where(request), revision=request.revision)
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
    return TorchEncoder(loaded.spec("image", dim, _image_preprocessing(processor, blank)), prepare, forward)


def _image_features(loaded: Loaded) -> Callable[[torch.Tensor], torch.Tensor]:
    model = loaded.model
    if _is_dual(model):
        return lambda pixels: model.get_image_features(pixel_values=pixels).pooler_output
    pool = vision_pool(model, loaded.pooling)
    return lambda pixels: pool(model(pixel_values=pixels))


def _text_encoder(loaded: Loaded) -> AnyEncoder:
    request, model = loaded.request, loaded.model
    with loading(request, FAMILY, layout=LAYOUT):
        tokenizer = AutoTokenizer.from_pretrained(_where(request), revision=request.revision)
    limit = _token_limit(model, tokenizer)
    # SigLIP was trained without an attention mask, on texts always padded to the full length
    padding = "max_length" if model.config.model_type.startswith("siglip") else "longest"
    prompt = request.prompt or ""
    features = _text_features(loaded)

    def forward(texts: Sequence[str]) -> torch.Tensor:
        tokens = tokenizer(
            [prompt + text for text in texts],
            padding=padding,
            truncation=limit is not None,
            max_length=limit,
            return_tensors="pt",
        )
        return features(tokens.to(request.device))

    with torch.inference_mode():
        dim = forward(["text"]).shape[-1]
    preprocessing: dict[str, Json] = {
        "library": FAMILY,
        "tokenizer": type(tokenizer).__name__,
        "token_limit": limit,
        "padding": padding,
        "prompt": prompt,
    }
    return TorchEncoder(loaded.spec("text", dim, preprocessing), as_given, forward)


def _text_features(loaded: Loaded) -> Callable[[Mapping[str, torch.Tensor]], torch.Tensor]:
    model = loaded.model
    if _is_dual(model):
        return lambda tokens: model.get_text_features(**tokens).pooler_output
    pool = text_pool(loaded.pooling)
    return lambda tokens: pool(model(**tokens), tokens["attention_mask"])


def _token_limit(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the most tokens that both the tokeniser and the position table allow; None when neither says."""
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
        "library": FAMILY,
        "processor": settings.pop("image_processor_type"),
        "backend": processor.backend,
        "input_size": list(pixels.shape),
        "interpolation": None if resample is None else Resampling(resample).name.lower(),
        "mean": settings.pop("image_mean", None),
        "std": settings.pop("image_std", None),
        **settings,
    }
