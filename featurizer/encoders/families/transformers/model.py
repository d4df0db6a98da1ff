"""A Hugging Face transformers model in memory, before anybody says what is read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from featurizer.encoders.base import EncoderRequest, EncoderSpec, Modality
from featurizer.encoders.families.transformers.family import FAMILY
from featurizer.encoders.families.transformers.pooling import (
    check_pooling,
    drop_unused_pooler,
    own_vision_pooling,
)
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

LAYOUT = "config.json, model.safetensors and preprocessor_config.json or the tokenizer's files"


@dataclass(frozen=True, slots=True)
class TransformersModel:
    """A model in memory, with what its specification needs besides the side's own facts.

    Attributes:
        request: what was asked for.
        model: frozen, on its device.
        weight_hash: of the weights as loaded, in float32.
        pooling: how its states become a vector; `projection` for both sides of a dual model.
        sides: those asked for, of those it has.
    """

    request: EncoderRequest
    model: PreTrainedModel
    weight_hash: str
    pooling: str
    sides: tuple[Modality, ...]

    @property
    def is_dual(self) -> bool:
        """True for models like CLIP, which project a picture and a text into one space."""
        return _is_dual(self.model)

    @property
    def text_padding(self) -> str:
        """How far texts are padded: `longest`, or `max_length` for models that always see the full length."""
        # SigLIP was trained without an attention mask, on texts always padded to the full length
        return "max_length" if self.model.config.model_type.startswith("siglip") else "longest"

    def spec(self, modality: Modality, dim: int, preprocessing: Mapping[str, Json]) -> EncoderSpec:
        """Describe one side."""
        request = self.request
        return EncoderSpec(
            name=request.name,
            modality=modality,
            dim=dim,
            family=FAMILY.name,
            model=request.model,
            revision=hub_commit(request.model, request, *CONFIG),
            source=source(request),
            weight_hash=self.weight_hash,
            pooling=self.pooling,
            normalized=False,
            preprocessing=preprocessing,
            license=request.license,
            dtype=request.dtype,
        )


def open_model(request: EncoderRequest) -> TransformersModel:
    """Load one transformers model without saying yet what is read from it.

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
    wanted = tuple(side for side in sides if side in (request.modalities or sides))
    return TransformersModel(request, model, weight_hash, pooling, wanted)


def _open(request: EncoderRequest) -> tuple[PreTrainedModel, set[str]]:
    """Return the model in float32 and the names of the weights that the checkpoint does not hold."""
    place = where(request)  # refused before the Hub is asked
    with loading(request, FAMILY.name, layout=LAYOUT, repo=request.model), without_weights_bar():
        config = AutoConfig.from_pretrained(place, revision=request.revision)
        _refuse_random_masks(request, config)
        model, info = AutoModel.from_pretrained(
            place,
            config=config,
            revision=request.revision,
            dtype=torch.float32,
            output_loading_info=True,
        )
    return model, set(info["missing_keys"])


def where(request: EncoderRequest) -> str:
    """Say what `from_pretrained` is to load."""
    return folder_or_hub_name(request, FAMILY.name)


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
