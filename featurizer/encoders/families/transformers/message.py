"""Models of transformers that are talked to: pictures and text in one message, whose last token has read all of it.

Qwen3-VL-Embedding and its like. The message is the one of the model's own chat template: what is asked of it in the
system's turn, then the item in the user's, pictures first. A text that is too long is cut where it ends, not where the
message does: what the template puts behind it stays, as Sentence Transformers has it for texts that stand alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import torch
from PIL.Image import new as new_image
from transformers import AutoProcessor, BaseImageProcessor, ProcessorMixin

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Pair, Reads, TextLoss
from featurizer.encoders.families.transformers.family import FAMILY
from featurizer.encoders.families.transformers.model import LAYOUT, TransformersModel, where
from featurizer.encoders.families.transformers.pooling import text_pool
from featurizer.encoders.picture_size import resized
from featurizer.encoders.tokenizer import (
    chosen_limit,
    give_padding,
    loss_counter,
    require_vocabulary,
    token_limit,
)
from featurizer.encoders.torch_encoder import as_given, torch_encoder
from featurizer.encoders.weights import code_options, loading
from featurizer.errors import InputError
from featurizer.records import Json

Message: TypeAlias = list[dict[str, Any]]
"""The turns of one conversation, in the form of transformers' chat templates."""
TOKENS = ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids")
"""What of a processor's output has one number a token; the rest is of pictures."""


@dataclass(frozen=True)
class Messages:
    """Items to messages, and messages to vectors.

    Attributes:
        loaded: the model.
        processor: its own.
    """

    loaded: TransformersModel
    processor: ProcessorMixin

    @cached_property
    def tokenizer(self) -> Any:  # noqa: ANN401 - the processor's own
        """The tokenizer, padding on the right, where the last token of a text is looked for."""
        tokenizer = self.processor.tokenizer
        give_padding(tokenizer)
        tokenizer.padding_side = "right"
        return tokenizer

    @cached_property
    def limit(self) -> int | None:
        """The most tokens of a message; None where nothing says."""
        own = token_limit(self.loaded.model, self.tokenizer)
        return chosen_limit(self.loaded.request, own, self.loaded.declared.limit)

    @cached_property
    def behind(self) -> int:
        """How many tokens stand behind a text."""
        one, other = (self._ids(text) for text in ("mug", "hat"))
        same = [a == b for a, b in zip(reversed(one), reversed(other), strict=False)]
        return same.index(False)

    @cached_property
    def around(self) -> int:
        """How many tokens stand around a text."""
        return len(self._ids("mug")) - len(self.tokenizer(["mug"])["input_ids"][0])

    def encode(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """Return the (b, d) vectors of b items."""
        inputs = self._inputs([self._message(pair) for pair in pairs])
        place = self.loaded.place
        moved = {
            name: value.to(place.device, place.torch_dtype if value.is_floating_point() else value.dtype)
            for name, value in inputs.items()
        }
        output = self.loaded.model(**moved)
        return self.loaded.finish(text_pool(self.loaded.pooling)(output, moved["attention_mask"]))

    def losses(self) -> Callable[[Sequence[str]], list[TextLoss]]:
        """Return the function that says what is not read of a text that stands alone in its message."""
        left = None if self.limit is None else self.limit - self.around
        return loss_counter(self.tokenizer, left, as_given)

    def _message(self, pair: Pair) -> Message:
        asked, texts = self.loaded.prompt, [] if pair.text is None else [pair.text]
        system = [{"role": "system", "content": [{"type": "text", "text": asked}]}] if asked else []
        content: list[dict[str, Any]] = [{"type": "image", "image": one} for one in pair.pictures]
        return [
            *system,
            {"role": "user", "content": [*content, *({"type": "text", "text": one} for one in texts)]},
        ]

    def _inputs(self, messages: Sequence[Message]) -> dict[str, torch.Tensor]:
        """Return what the model takes: a row of tokens a message, padded, and the pictures of all."""
        found = dict(
            self.processor.apply_chat_template(
                list(messages),
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs={"text_kwargs": {"padding": True}},
                **self.loaded.declared.messages,
            )
        )
        lengths = found["attention_mask"].sum(dim=1).tolist()
        if self.limit is None or max(lengths) <= self.limit:
            return found
        longest, keep = self.limit, [_kept(int(length), self.limit, self.behind) for length in lengths]
        for name in TOKENS:
            if name in found:
                rows = [row[kept] for row, kept in zip(found[name], keep, strict=True)]
                padding = self.tokenizer.pad_token_id if name == "input_ids" else 0
                cut = found[name].new_full((len(rows), longest), padding)
                for place, row in enumerate(rows):
                    cut[place, : len(row)] = row
                found[name] = cut
        return found

    def _ids(self, text: str) -> list[int]:
        message = self._message(Pair(None, text))
        ids: list[int] = self.processor.apply_chat_template(
            [message], tokenize=True, return_dict=True, **self.loaded.declared.messages
        )["input_ids"][0]
        return ids

    def spec(self, modality: Reads, dim: int) -> EncoderSpec:
        """Describe one space."""
        told: dict[str, Json] = {"library": FAMILY.name, "prompt": self.loaded.prompt, **self._form()}
        if modality != "image":
            told |= {"token_limit": self.limit, "tokenizer": type(self.tokenizer).__name__}
        if modality != "text":
            told["processor"] = json.loads(json.dumps(self._eyes().to_dict()))
        return self.loaded.spec(modality, dim, told)

    def _eyes(self) -> BaseImageProcessor:
        found: BaseImageProcessor = self.processor.image_processor
        return found

    def _form(self) -> dict[str, Json]:
        template = json.dumps(self.processor.chat_template)
        options: dict[str, Json] = json.loads(json.dumps(dict(self.loaded.declared.messages)))
        return {"chat_template": hashlib.sha256(template.encode()).hexdigest(), "chat_options": options}


def _kept(length: int, limit: int, behind: int) -> torch.Tensor:
    """Return the places of a row's tokens that are kept: from the beginning, and those behind its text."""
    if length <= limit:
        return torch.arange(length)
    return torch.cat([torch.arange(limit - behind), torch.arange(length - behind, length)])


def open_messages(loaded: TransformersModel) -> Messages:
    """Load the processor of a model that is talked to.

    Raises:
        InputError: it has no chat template.
        ModelUnavailable: it could not be had.
    """
    request = loaded.request
    with loading(request, FAMILY.name, layout=LAYOUT):
        processor: ProcessorMixin = AutoProcessor.from_pretrained(
            where(request), revision=request.revision, **code_options(request)
        )
        require_vocabulary(processor.tokenizer)
    if processor.chat_template is None:
        raise InputError(
            f"{FAMILY.name}:{request.model} reads pictures and texts together, but no chat template says in what form; "
            "choose a model that has one (chat_template.jinja), or write a family of encoders (docs/add-an-encoder.md)"
        )
    if request.image_size is not None:
        processor.image_processor = resized(
            processor.image_processor, request.image_size, f"{FAMILY.name}:{request.model}"
        )
    return Messages(loaded, processor)


def message_encoders(loaded: TransformersModel) -> tuple[AnyEncoder, ...]:
    """Return the encoders of a model that is talked to: of pictures, of texts, and of both in one message."""
    messages = open_messages(loaded)
    together = loaded.request.images == "all"
    blank = new_image("RGB", (64, 64))

    def of_pictures(items: Sequence[Any]) -> torch.Tensor:
        return messages.encode([Pair.of(list(one) if together else [one], None) for one in items])

    def of_texts(texts: Sequence[str]) -> torch.Tensor:
        return messages.encode([Pair(None, text) for text in texts])

    try:
        with torch.inference_mode():
            dim = int(messages.encode([Pair(blank, "text")]).shape[-1])
    except ValueError as error:
        if messages.limit is None:
            raise
        raise InputError(
            f"{FAMILY.name}:{loaded.request.model} takes no picture of 64 × 64 in a message of {messages.limit} "
            f"tokens: {error}. Expected more max_tokens"
        ) from error
    losses = messages.losses()
    build: Mapping[Reads, Callable[[], AnyEncoder]] = {
        "image": lambda: torch_encoder(messages.spec("image", dim), as_given, of_pictures),
        "text": lambda: torch_encoder(messages.spec("text", dim), as_given, of_texts, losses),
        "both": lambda: torch_encoder(messages.spec("both", dim), as_given, messages.encode, losses),
    }
    return tuple(build[side]() for side in loaded.sides)
