"""Image and text encoders from OpenCLIP: the projected features of both towers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import TypeAlias, cast

import open_clip
import torch
from huggingface_hub import snapshot_download
from open_clip.tokenizer import HFTokenizer, SigLipTokenizer, SimpleTokenizer
from PIL.Image import Image
from PIL.Image import new as new_image

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec, Modality
from featurizer.encoders.families.open_clip.family import FAMILY
from featurizer.encoders.torch_encoder import as_given, stacked, torch_encoder
from featurizer.encoders.weights import (
    freeze,
    hub_commit,
    loading,
    local_folder,
    refuse_pooling,
    source,
    state_sha256,
)
from featurizer.errors import InputError, UnknownName
from featurizer.records import Json

LAYOUT = "open_clip_config.json and open_clip_model.safetensors, as OpenCLIP pushes them to the Hub"
FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors")


Tokenizer: TypeAlias = HFTokenizer | SigLipTokenizer | SimpleTokenizer
"""b texts to their (b, `context_length`) ids."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where OpenCLIP is to load a model from, in its own words.

    Attributes:
        name: an architecture, `hf-hub:org/name` or `local-dir:folder`.
        tag: the pretrained tag of an architecture, else None.
        repo: the Hub repository behind it, empty where there is none.
        quick_gelu: True when the tag's weights were trained with that activation and so need it.
    """

    name: str
    tag: str | None = None
    repo: str = ""
    quick_gelu: bool = False


@dataclass(frozen=True, slots=True)
class OpenClipModel:
    """A model in memory, with what both of its sides share.

    Attributes:
        request: what was asked for.
        place: where it was loaded from.
        model: frozen, on its device.
        transform: its preprocessing of one picture.
        weight_hash: of the weights as loaded, in float32.
    """

    request: EncoderRequest
    place: Place
    model: torch.nn.Module
    transform: Callable[[Image], torch.Tensor]
    weight_hash: str

    def side(
        self, modality: Modality, dim: int, preprocessing: Mapping[str, Json], *, normalized: bool
    ) -> EncoderSpec:
        """Describe one side."""
        request = self.request
        return EncoderSpec(
            name=request.name,
            modality=modality,
            dim=dim,
            family=FAMILY.name,
            model=request.model,
            revision=hub_commit(self.place.repo, request, *FILES) if self.place.repo else None,
            source=source(request),
            weight_hash=self.weight_hash,
            pooling="projection",
            normalized=normalized,
            preprocessing=preprocessing,
            license=request.license,
            dtype=request.dtype,
        )


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load one OpenCLIP model: `ARCHITECTURE/tag`, `org/name` on the Hub, or a local folder.

    Raises:
        UnknownName: OpenCLIP has no such tag for the architecture.
        ModelUnavailable: the weights could not be had.
    """
    loaded = open_model(request)
    sides: dict[Modality, Callable[[OpenClipModel], AnyEncoder]] = {
        "image": image_encoder,
        "text": text_encoder,
    }
    return tuple(build(loaded) for side, build in sides.items() if side in (request.modalities or sides))


def open_model(request: EncoderRequest) -> OpenClipModel:
    """Load one OpenCLIP model without saying yet what is read from it.

    Raises:
        UnknownName: OpenCLIP has no such tag for the architecture.
        ModelUnavailable: the weights could not be had.
    """
    refuse_pooling(request, FAMILY.name)
    place = locate(request)
    with loading(request, FAMILY.name, layout=LAYOUT, repo=place.repo, files=FILES):
        if request.revision:
            place = _at_revision(place, request.revision)
        model, transform = open_clip.create_model_from_pretrained(
            place.name, pretrained=place.tag, force_quick_gelu=place.quick_gelu
        )
    weight_hash = state_sha256(model)
    freeze(model, request)
    return OpenClipModel(request, place, model, transform, weight_hash)


def locate(request: EncoderRequest) -> Place:
    """Say in OpenCLIP's own words where a model is.

    Raises:
        UnknownName: it is neither an architecture with a known tag, nor `org/name`, nor a folder.
    """
    folder = local_folder(request)
    if folder is not None:
        return Place(f"local-dir:{folder}")
    name = request.model.removeprefix("hf-hub:")
    architecture, _, tag = name.partition("/")
    if name != request.model or architecture not in open_clip.list_models():
        if not tag:
            known = [f"{model}/{found}" for model, found in open_clip.list_pretrained()]
            raise UnknownName("open_clip model", name, known, advice="Expected ARCHITECTURE/TAG or ORG/NAME.")
        return Place(f"hf-hub:{name}", repo=name)
    config = open_clip.get_pretrained_cfg(architecture, tag)
    if not config:
        known = open_clip.list_pretrained_tags_by_model(architecture)
        raise UnknownName(f"open_clip tag of {architecture}", tag, known, advice="Expected ARCHITECTURE/TAG.")
    repo = str(config.get("hf_hub") or "").rsplit("/", 1)[0]
    return Place(architecture, tag, repo, quick_gelu=bool(config.get("quick_gelu")))


def _at_revision(place: Place, revision: str) -> Place:
    """Fetch one revision of a Hub repository and point at the folder that it lies in."""
    if not place.repo:
        raise InputError(f"open_clip model {place.name} is not on the Hub, so it has no revision {revision}")
    for weights in FILES:  # one after the other, since a repository may hold the same weights in each
        folder = snapshot_download(
            place.repo, revision=revision, allow_patterns=["*.json", "*.txt", "*.model", weights]
        )
        if Path(folder, weights).is_file():
            break
    return replace(place, name=f"local-dir:{folder}", tag=None, quick_gelu=False)


def image_encoder(loaded: OpenClipModel) -> AnyEncoder:
    """Return the encoder of pictures to projected features."""
    request, transform = loaded.request, loaded.transform
    encode = cast("Callable[[torch.Tensor], torch.Tensor]", loaded.model.encode_image)
    forward = stacked(encode, device=request.device, dtype=request.dtype)
    with torch.inference_mode():
        dim = forward([transform(new_image("RGB", (64, 64)))]).shape[-1]
    config = cast("Mapping[str, Json]", cast("torch.nn.Module", loaded.model.visual).preprocess_cfg)
    settings: dict[str, Json] = {"library": FAMILY.name, **json.loads(json.dumps(dict(config)))}
    spec = loaded.side("image", dim, settings, normalized=_normalizes(encode))
    return torch_encoder(spec, transform, forward)


def open_tokenizer(loaded: OpenClipModel) -> Tokenizer:
    """Load a model's tokenizer.

    Raises:
        ModelUnavailable: it could not be had.
    """
    with loading(
        loaded.request, FAMILY.name, layout=f"{LAYOUT}, and the tokenizer's files where it names one"
    ):
        tokenizer: Tokenizer = open_clip.get_tokenizer(loaded.place.name)
    return tokenizer


def text_encoder(loaded: OpenClipModel, given: Tokenizer | None = None) -> AnyEncoder:
    """Return the encoder of texts to projected features.

    Args:
        loaded: the model.
        given: its tokenizer, where it is loaded already.

    Raises:
        ModelUnavailable: its tokenizer could not be had.
    """
    request, tokenizer = loaded.request, given or open_tokenizer(loaded)
    encode = cast("Callable[[torch.Tensor], torch.Tensor]", loaded.model.encode_text)
    prompt = request.prompt or ""

    def forward(texts: Sequence[str]) -> torch.Tensor:
        return encode(tokenizer([prompt + text for text in texts]).to(request.device))

    with torch.inference_mode():
        dim = forward(["text"]).shape[-1]
    settings: dict[str, Json] = {
        "library": FAMILY.name,
        "tokenizer": type(tokenizer).__name__,
        "token_limit": tokenizer.context_length,
        "prompt": prompt,
    }
    spec = loaded.side("text", dim, settings, normalized=_normalizes(encode))
    return torch_encoder(spec, as_given, forward)


def _normalizes(encode: Callable[[torch.Tensor], torch.Tensor]) -> bool:
    """Say whether a model's own call ends in L2 normalization: CoCa's does, CLIP's does not."""
    parameter = signature(encode).parameters.get("normalize")
    return parameter is not None and parameter.default is True
