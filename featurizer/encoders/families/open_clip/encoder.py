"""Image and text encoders from OpenCLIP: the projected features of both towers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TypeAlias, cast

import open_clip
import torch
from huggingface_hub import hf_hub_download, snapshot_download
from open_clip.tokenizer import HFTokenizer, SigLipTokenizer, SimpleTokenizer, get_clean_fn
from PIL.Image import new as new_image

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec, Modality, TextLoss
from featurizer.encoders.families.open_clip.family import FAMILY
from featurizer.encoders.pixels import Pixels, composed_pixels
from featurizer.encoders.placement import Placement, freeze
from featurizer.encoders.scripts import LETTER, is_foreign
from featurizer.encoders.tokenizer import loss_counter, require_vocabulary
from featurizer.encoders.torch_encoder import as_given, stacked, torch_encoder
from featurizer.encoders.weights import (
    ask_nobody,
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
CONFIG = "open_clip_config.json"
ON_HUB = "hf-hub:"
"""What OpenCLIP's name of a model on the Hub begins with."""
FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors")


Tokenizer: TypeAlias = HFTokenizer | SigLipTokenizer | SimpleTokenizer
"""b texts to their (b, `context_length`) ids."""


@dataclass(frozen=True, slots=True)
class OpenClipModel:
    """A model in memory, with what both of its sides share.

    Attributes:
        request: what was asked for.
        name: where it was loaded from, in OpenCLIP's own words.
        repo: the Hub repository behind it, empty where there is none.
        model: frozen, on its device.
        pixels: its preprocessing of one picture.
        weight_hash: of the weights as loaded, in float32.
        place: where it computes, in what numbers.
    """

    request: EncoderRequest
    name: str
    repo: str
    model: torch.nn.Module
    pixels: Pixels
    weight_hash: str
    place: Placement

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
            revision=hub_commit(self.repo, request, *FILES) if self.repo else None,
            source=source(request),
            weight_hash=self.weight_hash,
            pooling="projection",
            normalized=normalized,
            preprocessing=preprocessing,
            license=request.license,
            dtype=request.dtype,
            memory_format=self.place.memory_format if modality == "image" else None,
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
    ask_nobody()
    name, tag = locate(request)
    repo, quick_gelu = repo_of(name, tag), needs_quick_gelu(name, tag)
    with loading(request, FAMILY.name, layout=LAYOUT, repo=repo, files=FILES):
        if request.revision:
            name, tag, quick_gelu = _at_revision(name, repo, request.revision), None, False
        model, transform = open_clip.create_model_from_pretrained(
            name, pretrained=tag, force_quick_gelu=quick_gelu, force_image_size=request.image_size
        )
    weight_hash = state_sha256(model)
    place = freeze(model, request)
    pixels = composed_pixels(transform, place)
    return OpenClipModel(request, name, repo, model, pixels, weight_hash, place)


def locate(request: EncoderRequest) -> tuple[str, str | None]:
    """Say in OpenCLIP's own words where a model is: an architecture and its pretrained tag, or another name alone.

    Raises:
        UnknownName: it is neither an architecture with a known tag, nor `org/name`, nor a folder.
    """
    folder = local_folder(request)
    if folder is not None:
        return f"local-dir:{folder}", None
    name = request.model.removeprefix(ON_HUB)
    architecture, _, tag = name.partition("/")
    if name != request.model or architecture not in open_clip.list_models():
        if not tag:
            known = [f"{model}/{found}" for model, found in open_clip.list_pretrained()]
            raise UnknownName("open_clip model", name, known, advice="Expected ARCHITECTURE/TAG or ORG/NAME.")
        return f"{ON_HUB}{name}", None
    if not open_clip.get_pretrained_cfg(architecture, tag):
        known = open_clip.list_pretrained_tags_by_model(architecture)
        raise UnknownName(f"open_clip tag of {architecture}", tag, known, advice="Expected ARCHITECTURE/TAG.")
    return architecture, tag


def repo_of(name: str, tag: str | None) -> str:
    """Return the Hub repository behind what `locate` found, empty where there is none."""
    if tag is None:
        return name.removeprefix(ON_HUB) if name.startswith(ON_HUB) else ""
    return str(open_clip.get_pretrained_cfg(name, tag).get("hf_hub") or "").rsplit("/", 1)[0]


def needs_quick_gelu(name: str, tag: str | None) -> bool:
    """Say whether a tag's weights were trained with that activation."""
    return tag is not None and bool(open_clip.get_pretrained_cfg(name, tag).get("quick_gelu"))


def _at_revision(name: str, repo: str, revision: str) -> str:
    """Fetch one revision of a Hub repository and name the folder that it lies in."""
    if not repo:
        raise InputError(f"open_clip model {name} is not on the Hub, so it has no revision {revision}")
    for weights in FILES:  # one after the other, since a repository may hold the same weights in each
        folder = snapshot_download(
            repo, revision=revision, allow_patterns=["*.json", "*.txt", "*.model", weights]
        )
        if Path(folder, weights).is_file():
            break
    return f"local-dir:{folder}"


def image_encoder(loaded: OpenClipModel) -> AnyEncoder:
    """Return the encoder of pictures to projected features."""
    pixels = loaded.pixels
    encode = cast("Callable[[torch.Tensor], torch.Tensor]", loaded.model.encode_image)
    forward = stacked(encode, loaded.place, pixels.normalize)
    with torch.inference_mode():
        dim = forward([pixels.prepare(new_image("RGB", (64, 64)))]).shape[-1]
    config = cast("Mapping[str, Json]", cast("torch.nn.Module", loaded.model.visual).preprocess_cfg)
    settings: dict[str, Json] = {"library": FAMILY.name, **json.loads(json.dumps(dict(config)))}
    spec = loaded.side("image", dim, settings, normalized=_normalizes(encode))
    return torch_encoder(spec, pixels.prepare, forward)


def open_tokenizer(loaded: OpenClipModel) -> Tokenizer:
    """Load a model's tokenizer.

    Raises:
        ModelUnavailable: it could not be had.
    """
    with loading(
        loaded.request, FAMILY.name, layout=f"{LAYOUT}, and the tokenizer's files where it names one"
    ):
        _refuse_code(loaded)
        tokenizer: Tokenizer = open_clip.get_tokenizer(loaded.name)
        if not isinstance(tokenizer, SimpleTokenizer):
            require_vocabulary(tokenizer.tokenizer)
    return tokenizer


def _refuse_code(loaded: OpenClipModel) -> None:
    """Stop where a checkpoint's own configuration asks that its tokenizer's code be run; OpenCLIP would do it.

    Raises:
        ValueError: it does.
    """
    scheme, _, place = loaded.name.partition(":")
    if scheme not in ("local-dir", "hf-hub"):
        return  # OpenCLIP's own configurations
    path = Path(place, CONFIG) if scheme == "local-dir" else Path(hf_hub_download(loaded.repo, CONFIG))
    config = json.loads(path.read_text("utf-8"))
    if config.get("model_cfg", {}).get("text_cfg", {}).get("tokenizer_kwargs", {}).get("trust_remote_code"):
        raise ValueError(f"{CONFIG} sets trust_remote_code for the tokenizer")


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
    return torch_encoder(spec, as_given, forward, _losses(tokenizer, prompt))


def _losses(tokenizer: Tokenizer, prompt: str) -> Callable[[Sequence[str]], list[TextLoss]]:
    """Return the function that says what of a text is not read."""
    limit = int(tokenizer.context_length)
    if isinstance(tokenizer, SimpleTokenizer):  # CLIP's own, which knows every byte
        return lambda texts: [_lost(tokenizer, text, prompt, limit) for text in texts]
    clean = tokenizer.clean_fn if isinstance(tokenizer, HFTokenizer) else get_clean_fn("canonicalize")
    return loss_counter(tokenizer.tokenizer, limit, lambda text: clean(prompt + text))


def _lost(tokenizer: SimpleTokenizer, text: str, prompt: str, limit: int) -> TextLoss:
    """Say what is not read of a text; letters beyond Latin script are spelled where the tokens are as many."""
    tokens, letters = len(tokenizer.encode(text)), len(LETTER.findall(text))
    cut = len(tokenizer.encode(prompt + text)) + 2 > limit
    return TextLoss(cut, is_foreign(text) and tokens >= letters)


def _normalizes(encode: Callable[[torch.Tensor], torch.Tensor]) -> bool:
    """Say whether a model's own call ends in L2 normalization: CoCa's does, CLIP's does not."""
    parameter = signature(encode).parameters.get("normalize")
    return parameter is not None and parameter.default is True
