"""Encoders from Sentence Transformers: the model's whole pipeline, of texts, of pictures, and of both in one vector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from PIL.Image import new as new_image
from transformers import PreTrainedTokenizerBase

from featurizer.encoders.base import AnyEncoder, EncoderRequest, Pair, Reads, TextLoss
from featurizer.encoders.families.sentence_transformers.family import FAMILY
from featurizer.encoders.families.sentence_transformers.model import (
    LAYOUT,
    OpenedModel,
    offered,
    open_model,
)
from featurizer.encoders.families.sentence_transformers.pictures import pictures_apart, processor_settings
from featurizer.encoders.tokenizer import loss_counter
from featurizer.encoders.torch_encoder import as_given, torch_encoder
from featurizer.encoders.weights import loading
from featurizer.records import Json


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load the encoders of one Sentence Transformers model: a Hub name or a local folder.

    Raises:
        InputError: the model does not read what is asked for.
        ModelUnavailable: the weights could not be had.
    """
    opened = open_model(request)
    build: Mapping[Reads, Callable[[OpenedModel], AnyEncoder]] = {
        "image": image_encoder,
        "text": text_encoder,
        "both": joint_encoder,
    }
    with loading(request, FAMILY.name, layout=LAYOUT):
        return tuple(build[side](opened) for side in offered(opened))


def text_encoder(opened: OpenedModel) -> AnyEncoder:
    """Return the encoder of texts."""
    marked = opened.modalities != {"text"}

    def forward(texts: Sequence[str]) -> torch.Tensor:
        # a model that takes pictures too would take a text that looks like an address for one, and fetch it
        return opened.encode([{"text": text} for text in texts] if marked else texts)

    dim = int(forward(["text"]).shape[-1])
    return torch_encoder(opened.spec("text", dim, _of_texts(opened)), as_given, forward, _losses(opened))


def image_encoder(opened: OpenedModel) -> AnyEncoder:
    """Return the encoder of pictures; of several of an item in one message where that is asked for."""
    together = opened.request.images == "all" and opened.by_message
    apart = None if together else pictures_apart(opened.model, opened.prompt)
    settings = processor_settings(opened.model)
    blank = new_image("RGB", (64, 64))
    if apart is not None:
        dim = int(apart.encode([apart.prepare(blank)]).shape[-1])
        return torch_encoder(opened.spec("image", dim, settings), apart.prepare, apart.encode)

    def forward(pictures: Sequence[Any]) -> torch.Tensor:
        return opened.encode([{"image": list(one) if together else one} for one in pictures])

    dim = int(forward([[blank] if together else blank]).shape[-1])
    spec = opened.spec("image", dim, {"prompt": opened.prompt or "", **settings})
    return torch_encoder(spec, as_given, forward)


def joint_encoder(opened: OpenedModel) -> AnyEncoder:
    """Return the encoder of picture and text to one vector; what an item lacks is left out of the model's input."""

    def forward(pairs: Sequence[Pair]) -> torch.Tensor:
        kinds: dict[tuple[bool, bool], list[int]] = {}
        for row, pair in enumerate(pairs):
            kinds.setdefault((pair.image is None, pair.text is None), []).append(row)
        parts = [opened.encode([_joint_input(pairs[row]) for row in rows]) for rows in kinds.values()]
        order = torch.tensor([row for rows in kinds.values() for row in rows], device=parts[0].device)
        return torch.cat(parts)[order.argsort()]

    dim = int(forward([Pair(new_image("RGB", (64, 64)), "text")]).shape[-1])
    spec = opened.spec("both", dim, {**_of_texts(opened), **processor_settings(opened.model)})
    return torch_encoder(spec, as_given, forward, _losses(opened))


def _joint_input(pair: Pair) -> dict[str, object]:
    """Return an item in Sentence Transformers' form, the pictures before the text."""
    pictures = list(pair.pictures)
    seen: dict[str, object] = {"image": pictures if pair.more else pictures[0]} if pictures else {}
    return seen if pair.text is None else {**seen, "text": pair.text}


def _of_texts(opened: OpenedModel) -> dict[str, Json]:
    return {
        "token_limit": opened.limit,
        "tokenizer": type(opened.model.tokenizer).__name__,
        "prompt": opened.prompt or "",
    }


def _losses(opened: OpenedModel) -> Callable[[Sequence[str]], list[TextLoss]] | None:
    """Return the function that says what is lost of a text; None where words are looked up without a tokenizer."""
    tokenizer = opened.model.tokenizer
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        return None
    if not opened.by_message:
        return loss_counter(tokenizer, opened.limit, (opened.prompt or "").__add__)
    around = _tokens_around(opened, tokenizer)
    left = None if opened.limit is None else opened.limit - around
    return loss_counter(tokenizer, left, as_given)


def _tokens_around(opened: OpenedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Count the tokens of a message beside those of its text."""
    text = "text"
    features = opened.model.preprocess([{"text": text}], prompt=opened.prompt, task="document")
    alone = tokenizer([text])["input_ids"][0]
    return int(features["attention_mask"].sum()) - len(alone)
