"""Text encoders from Sentence Transformers: the model's whole pipeline, its pooling and normalization too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec, TextLoss
from featurizer.encoders.declarations import read_declaration
from featurizer.encoders.families.sentence_transformers.family import FAMILY
from featurizer.encoders.placement import freeze
from featurizer.encoders.prompts import document_prompt
from featurizer.encoders.tokenizer import (
    UNLIMITED,
    give_padding,
    loss_counter,
    require_vocabulary,
    token_limit,
)
from featurizer.encoders.torch_encoder import as_given, torch_encoder
from featurizer.encoders.weights import (
    CONFIG,
    ask_nobody,
    code_options,
    folder_or_hub_name,
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
    "modules.json with the folders that it names (1_Pooling/config.json), config.json, model.safetensors and the "
    "tokenizer, as Sentence Transformers saves them"
)

SETTINGS = ("sentence_bert_config.json", "config_sentence_transformers.json")
"""Where a pipeline declares its limit and its prompts; either may be missing."""


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
    ask_nobody()
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
        found: torch.Tensor = model.encode_document(
            list(texts),
            prompt=prompt,
            batch_size=len(texts),
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        return found

    return torch_encoder(spec, as_given, vectors, _losses(model, prompt or "")), model


def _losses(model: SentenceTransformer, prompt: str) -> Callable[[Sequence[str]], list[TextLoss]] | None:
    """Return the function that says what is lost of a text; None where words are looked up without a tokenizer."""
    if not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        return None
    return loss_counter(model.tokenizer, _limit(model), prompt.__add__)


def _limit(model: SentenceTransformer) -> int | None:
    """Return the most tokens of a text, None where there is no limit."""
    found = model.max_seq_length
    return int(found) if found is not None and found < UNLIMITED else None


def prompt_of(model: SentenceTransformer, request: EncoderRequest) -> str | None:
    """Return what is put before every text: what is asked for, or the model's own for documents; None for nothing."""
    if request.prompt is not None:
        return request.prompt
    return document_prompt(model.prompts, model.default_prompt_name)


def _open(request: EncoderRequest) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    where = folder_or_hub_name(request, FAMILY.name)
    with loading(request, FAMILY.name, layout=LAYOUT, repo=_repo(request.model)), without_weights_bar():
        _ask_what_is_declared(request)
        code = code_options(request)
        model = SentenceTransformer(
            where,
            device="cpu",
            revision=request.revision,
            local_files_only=local_folder(request) is not None,
            trust_remote_code=code.pop("trust_remote_code"),
            model_kwargs={"dtype": torch.float32, **code},
            processor_kwargs=code,
            config_kwargs=code,
        )
        _fit(model)
        _require_vectors(model)
    return model


def _ask_what_is_declared(request: EncoderRequest) -> None:
    """Stop where the Hub cannot be asked: Sentence Transformers takes what it cannot have for undeclared.

    Raises:
        ModelUnavailable: it cannot.
    """
    if local_folder(request) is not None:
        return
    repo = _repo(request.model)
    modules = read_declaration(repo, "modules.json", request, FAMILY.name)
    if modules is None:
        return
    paths = [module["path"] for module in modules if not str(module["type"]).endswith("Normalize")]
    for name in (*SETTINGS, *(f"{path}/config.json" for path in paths if path)):
        read_declaration(repo, name, request, FAMILY.name)


def _fit(model: SentenceTransformer) -> None:
    """Let a model pad, and cut texts where its table of positions ends, which its own limit may lie behind."""
    transformer = getattr(model[0], "model", None)
    if isinstance(model.tokenizer, PreTrainedTokenizerBase) and isinstance(transformer, PreTrainedModel):
        require_vocabulary(model.tokenizer)
        give_padding(model.tokenizer)
        model.max_seq_length = token_limit(transformer, model.tokenizer) or model.max_seq_length


def _require_vectors(model: SentenceTransformer) -> None:
    """Stop at a pipeline that does not run to its end, by one text.

    Raises:
        ValueError: no module pools the tokens.
    """
    try:
        model.encode_document(["text"], show_progress_bar=False)
    except KeyError as error:
        if error.args != ("sentence_embedding",):
            raise
        kinds = ", ".join(type(module).__name__ for module in model)
        raise ValueError(
            f"modules.json names {kinds}, but no Pooling, without which a text has no vector"
        ) from error


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
        "token_limit": _limit(model),
        "tokenizer": type(model.tokenizer).__name__,
        "prompt": prompt or "",
    }
