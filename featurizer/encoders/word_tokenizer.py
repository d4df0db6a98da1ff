"""A Hugging Face tokenizer that says which word each of its tokens belongs to."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from featurizer.encoders.tokens import NO_WORD, TokenizedText
from featurizer.encoders.torch_encoder import as_given
from featurizer.encoders.torch_tokens import Words, no_tokens
from featurizer.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Encoding
    from transformers import PreTrainedTokenizerBase

WordNumbers: TypeAlias = NDArray[np.int32]

CLIP_MARK = "!</w>"
"""An exclamation mark that is a word by itself, as CLIP's byte pairs write it."""


def open_words(
    tokenizer: PreTrainedTokenizerBase,
    where: str,
    *,
    prompt: str,
    limit: int | None,
    rows: int,
    clean: Callable[[str], str] = as_given,
) -> Words:
    """Make a model's own tokenizer count words, once it is checked that they can be masked one by one.

    Args:
        tokenizer: the model's own.
        where: the model as the user types it, for the messages.
        prompt: what is put before every text; its tokens belong to no word.
        limit: the most tokens that the model takes; None when it has no limit.
        rows: the length of the model's table of input embeddings.
        clean: what the model's library does to a text before it is split.

    Raises:
        InputError: it cannot, or it is another model's.
    """
    if not tokenizer.is_fast:
        raise no_tokens(where, f"has the tokenizer {type(tokenizer).__name__}, which counts no words")
    if limit is None:
        raise no_tokens(where, "reads texts of any length, where a longest one is needed")
    if _size(tokenizer) > rows:
        raise InputError(
            f"the tokenizer of {where} knows {_size(tokenizer):,} tokens, but the model has "
            f"{rows:,} input embeddings, so they do not belong together. Put the model's own tokenizer files "
            "into the folder, or choose another model."
        )
    mask_id = hidden_word_id(tokenizer)
    padding_id = mask_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    before = len(clean(prompt))

    def tokenize(texts: Sequence[str]) -> list[TokenizedText]:
        if not texts:
            return []
        prompted = [clean(prompt + text) for text in texts]
        batch = tokenizer(prompted, truncation=True, max_length=limit)
        return [
            TokenizedText(np.array(encoding.ids, np.int32), _words(encoding, text, before))
            if encoding.ids
            else TokenizedText(np.array([padding_id], np.int32), np.array([NO_WORD], np.int32))
            for encoding, text in zip(batch.encodings, prompted, strict=True)
        ]

    return Words(
        tokenize,
        limit,
        vocabulary=_size(tokenizer),
        mask_id=mask_id,
        padding_id=padding_id,  # the mask hides it: no state is read there
        sha256=vocabulary_sha256(tokenizer.get_vocab()),
    )


def hidden_word_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id that stands for a hidden word: the mask token, the unknown token, or `neutral_id`.

    An unknown token that is the end of the text as well (CLIP's) is none: the vector is read from there.
    """
    unknown = tokenizer.unk_token_id
    reserved = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    if tokenizer.mask_token_id is not None:
        return int(tokenizer.mask_token_id)
    if unknown is not None and unknown not in reserved:
        return int(unknown)
    return neutral_id(tokenizer.get_vocab(), tokenizer.all_special_ids)


def neutral_id(vocabulary: Mapping[str, int], reserved: Collection[int]) -> int:
    """Return the id of a word that tells nothing: an exclamation mark by itself in CLIP's vocabulary.

    CLIP's models were trained with neither a mask nor unknown words. All that is asked of what stands for a
    hidden word is to be the same for every word; where a vocabulary has no such piece, its first ordinary
    one does that too.
    """
    ordinary = set(vocabulary.values()) - set(reserved)
    return vocabulary[CLIP_MARK] if vocabulary.get(CLIP_MARK) in ordinary else min(ordinary)


def vocabulary_sha256(vocabulary: Mapping[str, int]) -> str:
    """Return a sha256 over the pieces and their ids, in the order of the ids."""
    digest = hashlib.sha256()
    for piece, index in sorted(vocabulary.items(), key=lambda entry: (entry[1], entry[0])):
        digest.update(f"{index}\t{piece}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def number_words(keys: Sequence[object | None]) -> WordNumbers:
    """Number words from 0 in the order in which they come; a token whose key is None belongs to none."""
    numbers: dict[object, int] = {}
    found = [NO_WORD if key is None else numbers.setdefault(key, len(numbers)) for key in keys]
    return np.array(found, np.int32)


def _words(encoding: Encoding, text: str, prompt: int) -> WordNumbers:
    """Number the words behind the first `prompt` characters.

    A word ends where the tokenizer or white space says so. Some tokenizers (Gemma's, in SigLIP 2) take the
    whole text for one word, and hiding that would hide everything.
    """
    gaps = [gap.end() for gap in re.finditer(r"\s+", text)]
    keys: list[object | None] = []
    for word, (_, end) in zip(encoding.word_ids, encoding.offsets, strict=True):
        outside = word is None or end <= prompt
        keys.append(None if outside else (word, bisect_right(gaps, end - 1)))
    return number_words(keys)


def _size(tokenizer: PreTrainedTokenizerBase) -> int:
    return 1 + max(tokenizer.get_vocab().values())
