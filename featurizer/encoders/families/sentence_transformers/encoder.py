"""Text encoders from Sentence Transformers: the model's whole pipeline, its pooling and normalization too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec
from featurizer.encoders.families.sentence_transformers.family import FAMILY
from featurizer.encoders.torch_encoder import as_given, torch_encoder
from featurizer.encoders.weights import (
    CONFIG,
    folder_or_hub_name,
    freeze,
    hub_commit,
    loading,
    local_folder,
    refuse_pooling,
    source,
    state_sha256,
    without_weights_bar,
)
from featurizer.errors import InputError
from featurizer.records import Json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LAYOUT = (
    "modules.json with config.json, model.safetensors and the tokenizer, as Sentence Transformers saves them"
)


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load one Sentence Transformers model: a Hub name or a local folder.

    Raises:
        ModelUnavailable: the weights could not be had.
    """
    return (open_model(request)[0],)


def open_model(request: EncoderRequest) -> tuple[AnyEncoder, SentenceTransformer]:
    """Load one Sentence Transformers model: the encoder, and the frozen model behind it.

    Raises:
        ModelUnavailable: the weights could not be had.
    """
    refuse_pooling(request, FAMILY.name)
    if request.modalities is not None and "text" not in request.modalities:
        raise InputError(
            f"{FAMILY.name}:{request.model} reads texts, but {', '.join(request.modalities)} was asked for"
        )
    model = _open(request)
    prompt = prompt_of(model, request)
    kinds = [type(module).__name__ for module in model]
    spec = EncoderSpec(
        name=request.name,
        modality="text",
        dim=int(model.get_embedding_dimension()),
        family=FAMILY.name,
        model=request.model,
        revision=hub_commit(_repo(request.model), request, *CONFIG),
        source=source(request),
        weight_hash=state_sha256(model),
        pooling=_pooling(model),
        normalized=kinds[-1] == "Normalize",
        preprocessing=_preprocessing(model, kinds, prompt),
        license=request.license,
        dtype=request.dtype,
    )
    freeze(model, request)

    def vectors(texts: Sequence[str]) -> torch.Tensor:
        found: torch.Tensor = model.encode(
            list(texts),
            prompt=prompt,
            batch_size=len(texts),
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        return found

    return torch_encoder(spec, as_given, vectors), model


def prompt_of(model: SentenceTransformer, request: EncoderRequest) -> str | None:
    """Return what is put before every text: what is asked for, or the model's own; None where nothing is."""
    if request.prompt is None and model.default_prompt_name is not None:
        return str(model.prompts[model.default_prompt_name])
    return request.prompt


def _open(request: EncoderRequest) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    where = folder_or_hub_name(request, FAMILY.name)
    with loading(request, FAMILY.name, layout=LAYOUT, repo=_repo(request.model)), without_weights_bar():
        return SentenceTransformer(
            where,
            device="cpu",
            revision=request.revision,
            local_files_only=local_folder(request) is not None,
            model_kwargs={"dtype": torch.float32},
        )


def _repo(model: str) -> str:
    """Return the Hub's name: Sentence Transformers puts its own organization before a bare one."""
    return model if "/" in model else f"sentence-transformers/{model}"


def _pooling(model: SentenceTransformer) -> str:
    modes = [getattr(module, "pooling_mode", None) for module in model]
    found = next((mode for mode in modes if mode is not None), "model")
    return found if isinstance(found, str) else "+".join(found)


def _preprocessing(model: SentenceTransformer, kinds: Sequence[str], prompt: str | None) -> dict[str, Json]:
    return {
        "library": FAMILY.name,
        "modules": list(kinds),
        "token_limit": model.max_seq_length,
        "tokenizer": type(model.tokenizer).__name__,
        "prompt": prompt or "",
    }
