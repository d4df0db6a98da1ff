"""A Sentence Transformers model in memory, before anybody says which of its spaces are made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from featurizer.encoders.base import EncoderRequest, EncoderSpec, Reads
from featurizer.encoders.declarations import read_declaration
from featurizer.encoders.families.sentence_transformers.family import FAMILY
from featurizer.encoders.picture_size import resized
from featurizer.encoders.placement import freeze
from featurizer.encoders.prompts import document_prompt
from featurizer.encoders.tokenizer import (
    UNLIMITED,
    chosen_limit,
    give_padding,
    require_vocabulary,
    token_limit,
)
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
MESSAGE = "message"
"""What Sentence Transformers calls the form of models that are talked to: pictures and text in one message."""
INPUTS: Mapping[Reads, str | tuple[str, ...]] = {"image": "image", "text": "text", "both": ("image", "text")}
"""What Sentence Transformers calls that which a space is made of."""


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A model in memory, with what its specification needs beside the side's own facts.

    Attributes:
        request: what was asked for.
        model: frozen, on its device.
        weight_hash: of the weights as loaded, in float32.
        prompt: what is put before every text, or tells a model in a message of the system what it is to do; None for
            nothing.
    """

    request: EncoderRequest
    model: SentenceTransformer
    weight_hash: str
    prompt: str | None

    @property
    def modalities(self) -> frozenset[str]:
        """What the model takes, each by itself."""
        return frozenset(
            part for one in self.model.modalities for part in ((one,) if isinstance(one, str) else one)
        )

    @property
    def by_message(self) -> bool:
        """Whether the model is given messages: pictures, as many as there are, and text in one."""
        return MESSAGE in self.modalities

    @property
    def limit(self) -> int | None:
        """The most tokens of a text; None where there is no limit."""
        found = self.model.max_seq_length
        return int(found) if found is not None and found < UNLIMITED else None

    def encode(self, inputs: Sequence[object]) -> torch.Tensor:
        """Return the (b, d) vectors of b inputs, in Sentence Transformers' own forms, as it encodes documents."""
        found: torch.Tensor = self.model.encode_document(
            list(inputs),
            prompt=self.prompt,
            batch_size=len(inputs),
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        return found

    def spec(self, modality: Reads, dim: int, preprocessing: Mapping[str, Json]) -> EncoderSpec:
        """Describe one space."""
        request = self.request
        together = request.images == "all" and self.by_message and modality != "text"
        return EncoderSpec(
            name=request.name,
            modality=modality,
            dim=dim,
            family=FAMILY.name,
            model=request.model,
            revision=hub_commit(_repo(request.model), request, *CONFIG),
            source=source(request),
            weight_hash=self.weight_hash,
            pooling=_pooling(self.model),
            normalized=_normalized(self.model),
            preprocessing={
                "library": FAMILY.name,
                "modules": [type(module).__name__ for module in self.model],
                **preprocessing,
                **self._message(),
            },
            license=request.license,
            dtype=request.dtype,
            images="all" if together else None,
            not_read=tuple(sorted(self.modalities - {"text", "image", MESSAGE})),
        )

    def _message(self) -> dict[str, Json]:
        """Record the form of a message, which decides a vector as the weights do."""
        if not self.by_message:
            return {}
        template = json.dumps(getattr(self.model.processor, "chat_template", None))
        return {"chat_template": hashlib.sha256(template.encode()).hexdigest()}


def open_model(request: EncoderRequest) -> OpenedModel:
    """Load one Sentence Transformers model, from the Hub or a local folder, without saying yet what is read from it.

    Raises:
        ModelUnavailable: the weights could not be had.
    """
    refuse_pooling(request, FAMILY.name)
    ask_nobody()
    model = _open(request)
    weight_hash = state_sha256(model)
    freeze(model, request)
    return OpenedModel(request, model, weight_hash, prompt_of(model, request))


def prompt_of(model: SentenceTransformer, request: EncoderRequest) -> str | None:
    """Return what is put before every text: what is asked for, or the model's own for documents; None for nothing."""
    if request.prompt is not None:
        return request.prompt
    return document_prompt(model.prompts, model.default_prompt_name)


def offered(opened: OpenedModel) -> tuple[Reads, ...]:
    """Say which spaces a model has: of pictures, of texts, of both in one vector.

    Raises:
        InputError: not those that are asked for.
    """
    sides = tuple(side for side, takes in INPUTS.items() if opened.model.supports(takes))
    wanted = opened.request.modalities or sides
    if not sides or not set(wanted) <= set(sides):
        dual = {"image", "text"} <= set(sides) and "both" in wanted
        join = ", or take both sides, whose join NAME_image+NAME_text every command makes" if dual else ""
        raise InputError(
            f"{FAMILY.name}:{opened.request.model} gives vectors of {' and '.join(sides) or 'nothing items have'}, but "
            f"{' and '.join(wanted) or 'one of pictures or texts'} was asked for; choose another model{join}"
        )
    return tuple(side for side in sides if side in wanted)


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
        _fit(model, request)
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


def _fit(model: SentenceTransformer, request: EncoderRequest) -> None:
    """Let a model pad, and cut texts where its table of positions ends, which its own limit may lie behind.

    Raises:
        InputError: texts are to be cut elsewhere, or pictures to have another size, and the model does not let them.
    """
    where, fitted = f"{FAMILY.name}:{request.model}", False
    for first, *_ in _routes(model):
        transformer, tokenizer = (getattr(first, name, None) for name in ("model", "tokenizer"))
        if isinstance(tokenizer, PreTrainedTokenizerBase) and isinstance(transformer, PreTrainedModel):
            require_vocabulary(tokenizer)
            give_padding(tokenizer)
            own, fitted = token_limit(transformer, tokenizer), True
            reading: Any = first
            reading.max_seq_length = chosen_limit(request, own, None) or reading.max_seq_length
    if request.max_tokens is not None and not fitted:
        raise InputError(f"{where} cuts its texts in a way of its own; leave max_tokens out")
    if request.image_size is not None:
        if not model.supports(MESSAGE):
            raise InputError(f"{where} takes pictures of one size, or none; leave image_size out")
        processor = model.processor
        processor.image_processor = resized(processor.image_processor, request.image_size, where)


def _require_vectors(model: SentenceTransformer) -> None:
    """Stop at a pipeline that does not run to its end, by one text.

    Raises:
        ValueError: no module pools the tokens.
    """
    if not model.supports("text"):
        return
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
    modes = (getattr(module, "pooling_mode", None) for route in _routes(model) for module in route)
    found = next((mode for mode in modes if mode is not None), "model")
    return found if isinstance(found, str) else "+".join(found)


def _normalized(model: SentenceTransformer) -> bool:
    """Say whether each way through a model ends in L2 normalization."""
    return all(type(route[-1]).__name__ == "Normalize" for route in _routes(model))


def _routes(model: SentenceTransformer) -> Iterator[Sequence[torch.nn.Module]]:
    """Yield the modules that an input goes through, for each way that there is."""
    from sentence_transformers.base.modules import Router

    first, *others = model
    if not isinstance(first, Router):
        yield [first, *others]
        return
    for route in first.sub_modules.values():
        yield [*route, *others]
