"""What a checkpoint declares of its vectors in the files that Sentence Transformers saves beside the weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.declarations import read_declaration
from featurizer.encoders.families.transformers.family import FAMILY
from featurizer.encoders.prompts import document_prompt
from featurizer.encoders.weights import folder_or_hub_name
from featurizer.errors import InputError, ModelUnavailable

APPLIED = ("Transformer", "Pooling", "Normalize")
"""The modules that are done here as Sentence Transformers does them, in their order."""
POOLING_MODES = {
    "cls": "cls",
    "cls_token": "cls",
    "mean": "mean",
    "mean_tokens": "mean",
    "lasttoken": "lasttoken",
}
"""The modes of pooling that are done here, in the spellings of then and now."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Declared:
    """A checkpoint's own pipeline; the defaults are those of one that declares nothing.

    Attributes:
        pooling: one of `POOLING_MODES`; None where none is declared.
        normalized: whether it ends in L2 normalization.
        prompt: what stands before a document; None where nothing does.
        limit: the most tokens of a text; None where only tokenizer and model say.
        lowercase: whether texts are put into small letters, whatever the tokenizer does.
        messages: what a chat template is told beside the message.
    """

    pooling: str | None = None
    normalized: bool = False
    prompt: str | None = None
    limit: int | None = None
    lowercase: bool = False
    messages: Mapping[str, Any] = field(default_factory=lambda: {"add_generation_prompt": True})


def read_declared(request: EncoderRequest, *, pools: bool) -> Declared:
    """Read what a model's folder or repository declares.

    Args:
        request: the model.
        pools: whether it declares how its tokens are pooled; models of pictures, and dual ones, bring their own way.

    Raises:
        InputError: it declares what is not done here; the message names the family that does it, if one can.
        FileNotFoundError: the file of the pooling that it declares is missing.
        ModelUnavailable: the Hub cannot be asked what it declares.
    """
    modules = _read(request, "modules.json")
    if modules is None:
        return Declared()
    kinds = {str(module["type"]).rpartition(".")[2]: str(module.get("path", "")) for module in modules}
    applied = [kind for kind in APPLIED if kind in kinds and (kind != "Pooling" or pools)]
    own_text = "Pooling" in kinds or not pools
    if len(kinds) != len(modules) or applied != list(kinds) or kinds.get("Transformer") != "" or not own_text:
        raise _refused_modules(request, tuple(kinds))
    config = _read(request, "sentence_bert_config.json") or {}
    pooling = _read_pooling(request, kinds["Pooling"]) if "Pooling" in kinds else None
    prompts = _read(request, "config_sentence_transformers.json") or {}
    prompt = document_prompt(prompts.get("prompts") or {}, prompts.get("default_prompt_name"))
    if prompt and pooling and not pooling.get("include_prompt", True):
        raise refused(request, "a prompt that is left out of the pooling")
    return Declared(
        pooling=None if pooling is None else _pooling(request, pooling),
        normalized="Normalize" in kinds,
        prompt=prompt,
        limit=config.get("max_seq_length"),
        lowercase=bool(config.get("do_lower_case")),
        messages=(config.get("processing_kwargs") or {}).get("chat_template") or {},
    )


def _read_pooling(request: EncoderRequest, folder: str) -> Mapping[str, Any]:
    name = str(PurePosixPath(folder, "config.json"))
    found: Mapping[str, Any] | None = _read(request, name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing, and modules.json says that the pooling stands there")
    return found


def _pooling(request: EncoderRequest, config: Mapping[str, Any]) -> str:
    given: str | Sequence[str] = config.get("pooling_mode") or [
        name.removeprefix("pooling_mode_")
        for name, chosen in config.items()
        if name.startswith("pooling_mode_") and chosen is True
    ]
    modes = [given] if isinstance(given, str) else list(given)
    if len(modes) != 1 or modes[0] not in POOLING_MODES:
        raise refused(request, f"{'+'.join(modes) or 'no'} pooling")
    return POOLING_MODES[modes[0]]


def refused(request: EncoderRequest, what: str) -> InputError:
    """Return the error that names what a checkpoint declares and is not done here, and the family that does it."""
    return InputError(
        f"{FAMILY.name}:{request.model} declares {what}, which this family does not do, and without it its "
        f"vectors would be another model's. Load it with sentence-transformers:{request.model}."
    )


def _refused_modules(request: EncoderRequest, kinds: Sequence[str]) -> InputError:
    if kinds != ("Transformer",):
        return refused(request, f"a pipeline of {', '.join(kinds)}")
    return InputError(
        f"{FAMILY.name}:{request.model} declares a pipeline of the Transformer alone, which gives a vector of every "
        "token and none of a text. Save it with a Pooling module behind it; or name a copy of its folder without "
        "modules.json, to have the pooling that its architecture has by itself."
    )


def _read(request: EncoderRequest, name: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    try:
        return read_declaration(folder_or_hub_name(request, FAMILY.name), name, request, FAMILY.name)
    except ModelUnavailable:
        if request.model not in {preset.model for preset in FAMILY.presets}:
            raise
        logger.warning(
            "%s:%s: the Hub could not be asked for %s, so that there is taken to be none, as behind every preset",
            FAMILY.name, request.model, name,
        )  # fmt: skip
        return None
