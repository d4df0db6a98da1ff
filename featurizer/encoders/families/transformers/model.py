"""A Hugging Face transformers model in memory, before anybody says what is read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature

import torch
from torch.nn.functional import normalize
from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES
from transformers.utils import ModelOutput
from transformers.utils.peft_utils import find_adapter_config_file

from featurizer.encoders.base import EncoderRequest, EncoderSpec, Reads
from featurizer.encoders.families.transformers.declared import Declared, read_declared
from featurizer.encoders.families.transformers.family import FAMILY
from featurizer.encoders.families.transformers.pooling import (
    check_pooling,
    drop_unused_pooler,
    own_text_pooling,
    own_vision_pooling,
)
from featurizer.encoders.placement import Placement, freeze
from featurizer.encoders.weights import (
    CONFIG,
    ask_nobody,
    code_options,
    folder_or_hub_name,
    hub_commit,
    loading,
    source,
    state_sha256,
    without_weights_bar,
)
from featurizer.errors import InputError, ModelUnavailable
from featurizer.records import Json
from featurizer.registry import Extra

LAYOUT = "config.json, model.safetensors and preprocessor_config.json or the tokenizer's files"


@dataclass(frozen=True, slots=True)
class TransformersModel:
    """A model in memory, with what its specification needs besides the side's own facts.

    Attributes:
        request: what was asked for.
        model: frozen, on its device.
        weight_hash: of the weights as loaded, in float32.
        pooling: how its states become a vector; `projection` for both sides of a dual model.
        declared: what its checkpoint says beside that.
        sides: the spaces that are asked for, of those it has.
        place: where it computes, in what numbers.
    """

    request: EncoderRequest
    model: PreTrainedModel
    weight_hash: str
    pooling: str
    declared: Declared
    sides: tuple[Reads, ...]
    place: Placement

    @property
    def is_dual(self) -> bool:
        """True for models like CLIP, which project a picture and a text into one space."""
        return _is_dual(self.model)

    @property
    def by_message(self) -> bool:
        """True for models that read pictures and texts together, in messages: Qwen3-VL."""
        return _is_talked_to(self.model)

    @property
    def reads_padding(self) -> bool:
        """True for models that were trained on texts padded to the full length, without an attention mask: SigLIP."""
        return bool(self.model.config.model_type.startswith("siglip"))

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the model takes of a tokenizer's output."""
        run = self.model.get_text_features if self.is_dual else self.model.forward
        masked = () if self.reads_padding else ("attention_mask",)
        typed = ("token_type_ids",) if "token_type_ids" in signature(run).parameters else ()
        return ("input_ids", *masked, *typed)

    @property
    def prompt(self) -> str:
        """What stands before every text: what is asked for, or what is declared."""
        given = self.request.prompt
        return (self.declared.prompt if given is None else given) or ""

    @property
    def state_options(self) -> dict[str, bool]:
        """What the model is told so that it gives the states of its layers too, where one of them is read."""
        return {} if self.request.layer is None else {"output_hidden_states": True}

    @property
    def picture_options(self) -> dict[str, bool]:
        """What the model is told beside a picture, so that one of another size than its own finds its positions."""
        run = self.model.get_image_features if self.is_dual else self.model.forward
        other = (
            self.request.image_size is not None and "interpolate_pos_encoding" in signature(run).parameters
        )
        return {**self.state_options, **({"interpolate_pos_encoding": True} if other else {})}

    def at_layer(self, output: ModelOutput) -> ModelOutput:
        """Return a model's output with the states of the layer that is asked for in the place of the last.

        Raises:
            InputError: it has none of that number.
        """
        layer = self.request.layer
        if layer is None:
            return output
        states = output.hidden_states[1:]
        if layer == 0 or not -len(states) <= layer <= len(states):
            raise InputError(
                f"{FAMILY.name}:{self.request.model} has {len(states)} layers, and layer is {layer}; expected 1 to "
                f"{len(states)}, or -1 to -{len(states)} from the last"
            )
        return BaseModelOutput(last_hidden_state=states[layer - 1 if layer > 0 else layer])

    def finish(self, vectors: torch.Tensor) -> torch.Tensor:
        """Normalize (b, dim) vectors where that is declared."""
        return normalize(vectors, dim=-1) if self.declared.normalized else vectors

    def spec(self, modality: Reads, dim: int, preprocessing: Mapping[str, Json]) -> EncoderSpec:
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
            normalized=self.declared.normalized,
            preprocessing={**preprocessing, **self._chosen()},
            license=request.license,
            dtype=request.dtype,
            memory_format=self.place.memory_format if modality == "image" and not self.by_message else None,
            images="all" if self.by_message and modality != "text" and request.images == "all" else None,
            not_read=("video",) if self.by_message and hasattr(self.model, "get_video_features") else (),
        )

    def _chosen(self) -> dict[str, Json]:
        """Record what is read otherwise than the model has it by itself."""
        asked: dict[str, Json] = {"layer": self.request.layer}
        if self.picture_options.get("interpolate_pos_encoding"):
            asked["interpolate_pos_encoding"] = True
        return {name: value for name, value in asked.items() if value is not None}


def open_model(request: EncoderRequest) -> TransformersModel:
    """Load one transformers model without saying yet what is read from it.

    Raises:
        InputError: the model reads neither pictures nor texts, or not the modality asked for.
        ModelUnavailable: the weights could not be had, or the checkpoint lacks some.
    """
    check_pooling(request.pooling)
    ask_nobody()
    model, missing = _open(request)
    sides = _sides(model, request)
    with loading(request, FAMILY.name, layout=LAYOUT):
        declared = read_declared(request, pools=sides == ("text",) or _is_talked_to(model))
    pooling = _pooling(model, request, sides, declared)
    if request.layer is not None and (pooling in ("pooler", "projection") or _is_talked_to(model)):
        raise InputError(
            f"transformers:{request.model} gives its own {pooling} vectors, which come from its last layer; leave "
            "layer out, or ask for mean or cls pooling where it reads pictures or texts alone"
        )
    drop_unused_pooler(model, pooling)
    _refuse_random_weights(request, missing & model.state_dict().keys())
    weight_hash = state_sha256(model)
    place = freeze(model, request)
    wanted = tuple(side for side in sides if side in (request.modalities or sides))
    return TransformersModel(request, model, weight_hash, pooling, declared, wanted, place)


def _open(request: EncoderRequest) -> tuple[PreTrainedModel, set[str]]:
    """Return the model in float32 and the names of the weights that the checkpoint does not hold."""
    place = where(request)  # refused before the Hub is asked
    with loading(request, FAMILY.name, layout=LAYOUT, repo=request.model), without_weights_bar():
        _require_adapter(request, place)
        options = {"revision": request.revision, **code_options(request)}
        config = AutoConfig.from_pretrained(place, **options)
        _refuse_random_masks(request, config)
        auto = AutoModelForTextEncoding if _has_text_encoder(config) else AutoModel
        model, info = auto.from_pretrained(
            place, config=config, dtype=torch.float32, output_loading_info=True, **options
        )
    return model, set(info["missing_keys"])


def _require_adapter(request: EncoderRequest, place: str) -> None:
    """Stop where a checkpoint holds an adapter of its weights, and what puts it on is not installed.

    Transformers leaves it out then, without a word.

    Raises:
        MissingExtra: it does.
    """
    peft = Extra(("peft",), None, "peft")
    if not peft.installed and find_adapter_config_file(place, revision=request.revision) is not None:
        peft.require(f"what puts the adapter of {FAMILY.name}:{request.model} on")


def _has_text_encoder(config: PreTrainedConfig) -> bool:
    """Say whether a model of encoder and decoder (T5) has a class of its own for the encoder, or was saved as that."""
    encoder = MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.get(config.model_type)
    both = getattr(config, "is_encoder_decoder", False)
    return encoder is not None and (both or encoder in (config.architectures or ()))


def where(request: EncoderRequest) -> str:
    """Say what `from_pretrained` is to load."""
    return folder_or_hub_name(request, FAMILY.name)


def _is_dual(model: PreTrainedModel) -> bool:
    return hasattr(model, "get_image_features") and hasattr(model, "get_text_features")


def _is_talked_to(model: PreTrainedModel) -> bool:
    """Say whether a model takes pictures among the tokens of a text, and projects neither by itself."""
    read = signature(model.forward).parameters.keys()
    return (
        not _is_dual(model) and hasattr(model, "get_image_features") and {"input_ids", "pixel_values"} <= read
    )


def _sides(model: PreTrainedModel, request: EncoderRequest) -> tuple[Reads, ...]:
    sides: tuple[Reads, ...] = ()
    if _is_dual(model):
        sides = ("image", "text")
    elif _is_talked_to(model):
        sides = ("image", "text", "both")
    elif _has_text_encoder(model.config) or not getattr(model.config, "is_encoder_decoder", False):
        reads: dict[str, tuple[Reads, ...]] = {"pixel_values": ("image",), "input_ids": ("text",)}
        sides = reads.get(model.main_input_name, ())
    wanted = request.modalities or sides
    if not sides or not set(wanted) <= set(sides):
        raise InputError(
            f"transformers:{request.model} is a {type(model).__name__}, which gives vectors of "
            f"{' and '.join(sides) or 'no kind that can be used here'}; expected a vision, text or "
            f"dual encoder{' of ' + ' and '.join(wanted) if wanted else ''}. Choose another model."
        )
    return sides


def _pooling(
    model: PreTrainedModel, request: EncoderRequest, sides: Sequence[Reads], declared: Declared
) -> str:
    if sides == ("image",):
        if request.pooling == "lasttoken":
            raise InputError(
                f"transformers:{request.model} reads pictures, whose last token is a corner; "
                "expected cls, mean or pooler"
            )
        return request.pooling or own_vision_pooling(model)
    if not _is_dual(model):
        return request.pooling or declared.pooling or own_text_pooling(model)
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
