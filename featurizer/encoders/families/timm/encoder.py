"""Image encoders from timm: the pooled features before the classifier, with timm's own preprocessing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import timm
import torch
from timm.data import create_transform, resolve_model_data_config

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec
from featurizer.encoders.families.timm.family import FAMILY
from featurizer.encoders.pixels import Pixels, composed_pixels
from featurizer.encoders.placement import Placement, freeze
from featurizer.encoders.torch_encoder import stacked, torch_encoder
from featurizer.encoders.weights import (
    hub_commit,
    loading,
    local_folder,
    refuse_pooling,
    source,
    state_sha256,
)
from featurizer.errors import InputError, UnknownName
from featurizer.records import Json

LAYOUT = "config.json and model.safetensors, as timm saves them for the Hub"
FILES = ("config.json", "model.safetensors", "pytorch_model.bin")
POOLINGS = {"avg": "global_average", "token": "cls", "map": "attention"}
"""timm's names of a pooling, where ours is clearer."""


@dataclass(frozen=True, slots=True)
class TimmModel:
    """An encoder, with the frozen model behind it, where that is, and how pictures become its input."""

    encoder: AnyEncoder
    model: torch.nn.Module
    place: Placement
    pixels: Pixels


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load one timm model: a registered name, `org/name` on the Hub, or a local folder.

    Raises:
        UnknownName: timm knows no such architecture.
        ModelUnavailable: the weights could not be had.
    """
    return (open_model(request).encoder,)


def open_model(request: EncoderRequest) -> TimmModel:
    """Load one timm model, without a classifier.

    Raises:
        UnknownName: timm knows no such architecture.
        ModelUnavailable: the weights could not be had.
    """
    refuse_pooling(request, FAMILY.name)
    if request.modalities is not None and "image" not in request.modalities:
        raise InputError(
            f"timm:{request.model} reads images, but {', '.join(request.modalities)} was asked for"
        )
    model = _from_state_file(request) if request.weights else _pretrained(request)
    weight_hash = state_sha256(model)
    config = {**resolve_model_data_config(model), **request.preprocessing, **_chosen_size(model, request)}
    place = freeze(model, request)
    spec = EncoderSpec(
        name=request.name,
        modality="image",
        dim=_dim(model),
        family=FAMILY.name,
        model=request.model,
        revision=hub_commit(_repo(request.model), request, *FILES),
        source=source(request),
        weight_hash=weight_hash,
        pooling=_pooling(model),
        normalized=False,
        preprocessing=_recorded(config),
        license=request.license or _published(model, "license"),
        dtype=request.dtype,
        memory_format=place.memory_format,
    )
    pixels = composed_pixels(create_transform(**config, is_training=False), place)
    encoder = torch_encoder(spec, pixels.prepare, stacked(model, place, pixels.normalize))
    return TimmModel(encoder, model, place, pixels)


def _pretrained(request: EncoderRequest) -> torch.nn.Module:
    name = timm_name(request)
    with loading(request, FAMILY.name, layout=LAYOUT, repo=_repo(name), files=FILES):
        model: torch.nn.Module = timm.create_model(name, pretrained=True, num_classes=0)
    return model


def timm_name(request: EncoderRequest) -> str:
    """Say in timm's own words where a model is.

    Raises:
        UnknownName: it is neither a registered architecture, nor `org/name`, nor a folder.
        InputError: a revision is asked for and the model is not on the Hub.
    """
    folder = local_folder(request)
    if folder is not None:
        return f"local-dir:{folder}"
    revision = f"@{request.revision}" if request.revision else ""
    if "/" in request.model:
        return f"hf-hub:{request.model.removeprefix('hf-hub:')}{revision}"
    if not timm.is_model(request.model):
        raise UnknownName("timm model", request.model, timm.list_models())
    if not revision:
        return request.model
    config = timm.get_pretrained_cfg(request.model)
    if config is None or not config.hf_hub_id:
        raise InputError(f"timm:{request.model} is not on the Hub, so it has no revision {request.revision}")
    return f"hf-hub:{config.hf_hub_id}{revision}"


def _repo(name: str) -> str:
    """Return the Hub repository behind a model's name, empty where there is none."""
    if "/" in name:
        return name.removeprefix("hf-hub:").partition("@")[0]
    config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    return str(config.hf_hub_id or "") if config else ""


def _from_state_file(request: EncoderRequest) -> torch.nn.Module:
    """Build the architecture and fill it, entry by entry in order, from a state dict with other names."""
    path = local_folder(request) or Path()
    model: torch.nn.Module = timm.create_model(request.model, pretrained=False)
    with loading(request, FAMILY.name, layout=f"a state dict of {request.model}"):
        state: Mapping[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        names = model.state_dict().keys()
        model.load_state_dict(dict(zip(names, state.values(), strict=True)))
    cast("Callable[[int], None]", model.reset_classifier)(0)
    return model


def _chosen_size(model: torch.nn.Module, request: EncoderRequest) -> dict[str, tuple[int, ...]]:
    """Let a model take pictures of another size, where that is asked for.

    Raises:
        InputError: it takes one size alone.
    """
    side = request.image_size
    if side is None:
        return {}
    if hasattr(model, "set_input_size"):
        cast("Callable[..., None]", model.set_input_size)(img_size=side)
    elif _published(model, "fixed_input_size"):
        raise InputError(f"timm:{request.model} takes pictures of one size; leave image_size out")
    return {"input_size": (3, side, side)}


def _dim(model: torch.nn.Module) -> int:
    """Return the length of what leaves the head without its classifier (`head_hidden_size` counts it)."""
    return cast("int", getattr(model, "head_hidden_size", None) or model.num_features)


def _published(model: torch.nn.Module, key: str) -> str | None:
    """Read one entry of what timm knows about the weights (`hf_hub_id`, `license`)."""
    value = cast("Mapping[str, Json]", model.pretrained_cfg).get(key)
    return str(value) if value else None


def _pooling(model: torch.nn.Module) -> str:
    pool = getattr(model, "global_pool", None) or getattr(getattr(model, "head", None), "global_pool", None)
    name = pool if isinstance(pool, str) else getattr(pool, "pool_type", None)
    return POOLINGS.get(str(name), str(name or "model"))


def _recorded(config: Mapping[str, Json]) -> dict[str, Json]:
    recorded = {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}
    return {"library": "timm", **recorded}
