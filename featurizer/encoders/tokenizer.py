"""A Hugging Face tokenizer as every family uses it: what pads a batch, how long a text may be, what of it is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch

from featurizer.encoders.base import EncoderRequest, TextLoss
from featurizer.encoders.scripts import spelling
from featurizer.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


POSITIONS = re.compile(r"(^|\.)(wpe|embed_positions|position_embeddings?|positions?_embed)$")
"""What models call their tables of positions."""
SPACE = "▁"
"""A space, as SentencePiece spells it."""
UNLIMITED = 10**9
"""A tokenizer's limit from here on says that it has none."""


def require_vocabulary(tokenizer: PreTrainedTokenizerBase) -> None:
    """Stop at a tokenizer that knows no text, which transformers makes up where the files of one are missing.

    Raises:
        ValueError: it knows special tokens alone, and T5's space.
    """
    if tokenizer.get_vocab().keys() <= {*tokenizer.all_special_tokens, SPACE}:
        raise ValueError("it has no tokenizer, or one with an empty vocabulary")


def give_padding(tokenizer: PreTrainedTokenizerBase) -> None:
    """Give a tokenizer without a padding token another one to pad with: the mask hides it, so any does.

    The end of the text before all others, since a text without a single token is read as one of padding.
    """
    if tokenizer.pad_token_id is None:
        given = (tokenizer.eos_token, tokenizer.unk_token, tokenizer.bos_token)
        tokenizer.pad_token = next(filter(None, given), tokenizer.convert_ids_to_tokens(0))


def token_limit(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the most tokens that the tokenizer, the configuration and the tables of positions allow.

    None when none of them says, as where positions are relative.
    """
    tower = getattr(model, "text_model", model)
    config = model.config.get_text_config()
    named = (getattr(config, name, None) for name in ("max_position_embeddings", "n_positions"))
    limits = [tokenizer.model_max_length, *named, *_positions(tower)]
    return min((int(limit) for limit in limits if limit and 0 < limit < UNLIMITED), default=None)


def chosen_limit(request: EncoderRequest, own: int | None, declared: int | None) -> int | None:
    """Return where texts are cut: where that is asked for, else at the least of what model and checkpoint say.

    Args:
        request: the model.
        own: the most tokens that tokenizer and model allow; None when neither says.
        declared: what the checkpoint says beside; None when it does not.

    Raises:
        InputError: more tokens are asked for than the model takes.
    """
    wanted = request.max_tokens
    if wanted is None:
        return min((limit for limit in (own, declared) if limit is not None), default=None)
    if own is not None and wanted > own:
        raise InputError(
            f"max_tokens is {wanted}, but {request.family}:{request.model} reads at most {own}; expected no more"
        )
    return wanted


def _positions(model: torch.nn.Module) -> Iterator[int]:
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Embedding) and POSITIONS.search(name):
            first = int(getattr(module, "offset", 0))
            if module.padding_idx is not None:  # RoBERTa counts from behind it
                first = max(first, module.padding_idx + 1)
            yield module.num_embeddings - first


def loss_counter(
    tokenizer: PreTrainedTokenizerBase, limit: int | None, prepared: Callable[[str], str]
) -> Callable[[Sequence[str]], list[TextLoss]]:
    """Return the function that says what of each text a model does not read.

    Args:
        tokenizer: the model's own.
        limit: the most tokens that the model takes; None when it has no limit.
        prepared: what becomes of a text before it is split: its prompt, its cleaning.
    """
    unknown, special = tokenizer.unk_token_id, frozenset(tokenizer.all_special_ids)
    if unknown in {tokenizer.bos_token_id, tokenizer.eos_token_id}:
        unknown = None  # a vocabulary of bytes knows everything

    spelled = spelling(tokenizer)

    def losses(texts: Sequence[str]) -> list[TextLoss]:
        if not texts:
            return []
        split: list[list[int]] = tokenizer([prepared(text) for text in texts], verbose=False)["input_ids"]
        return [
            TextLoss(
                limit is not None and len(ids) > limit,
                bool(text.strip()) and (is_unknown(ids) or spelled(text)),
            )
            for text, ids in zip(texts, split, strict=True)
        ]

    def is_unknown(ids: Sequence[int]) -> bool:
        words = [index for index in ids if index == unknown or index not in special]
        return not words or 4 * sum(index == unknown for index in words) > len(words)

    return losses
