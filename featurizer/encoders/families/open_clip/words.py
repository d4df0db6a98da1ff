"""OpenCLIP's tokenizers, asked which word each of their tokens belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

from featurizer.encoders.families.open_clip.encoder import Tokenizer
from featurizer.encoders.families.open_clip.family import FAMILY
from featurizer.encoders.tokens import TokenizedText
from featurizer.encoders.torch_tokens import Words, no_tokens
from featurizer.encoders.word_tokenizer import neutral_id, number_words, open_words, vocabulary_sha256

WORD_END = "</w>"
PADDING = 0
"""What OpenCLIP fills shorter texts with."""


def words_of(tokenizer: Tokenizer, model: str, prompt: str, *, rows: int) -> Words:
    """Return a tokenizer that counts words.

    Args:
        tokenizer: the model's own.
        model: the model's name, for the messages.
        prompt: what is put before every text.
        rows: the length of the model's table of input embeddings.

    Raises:
        InputError: it cannot count them.
    """
    where = f"{FAMILY.name}:{model}"
    if isinstance(tokenizer, SimpleTokenizer):
        return byte_pair_words(tokenizer, prompt)
    if not isinstance(tokenizer, HFTokenizer):
        raise no_tokens(where, f"has the tokenizer {type(tokenizer).__name__}, which counts no words")
    return open_words(
        tokenizer.tokenizer,
        where,
        prompt=prompt,
        limit=tokenizer.context_length,
        rows=rows,
        clean=tokenizer.clean_fn,
    )


def byte_pair_words(tokenizer: SimpleTokenizer, prompt: str) -> Words:
    """Make CLIP's own tokenizer count words: a word is what ends in `</w>`.

    Args:
        tokenizer: OpenCLIP's.
        prompt: what is put before every text; its tokens belong to no word.
    """
    before = sum(_ends_word(tokenizer, index) for index in tokenizer.encode(prompt))

    def tokenize(texts: Sequence[str]) -> list[TokenizedText]:
        if not texts:
            return []
        rows: NDArray[np.int64] = tokenizer([prompt + text for text in texts]).numpy()
        return [_split(tokenizer, row, before) for row in rows]

    # CLIP knows neither a mask nor unknown words: an exclamation mark hides one
    return Words(
        tokenize,
        limit=int(tokenizer.context_length),
        vocabulary=int(tokenizer.vocab_size),
        mask_id=neutral_id(tokenizer.encoder, {*tokenizer.all_special_ids, PADDING}),
        padding_id=PADDING,
        sha256=vocabulary_sha256(tokenizer.encoder),
    )


def _split(tokenizer: SimpleTokenizer, row: NDArray[np.int64], before: int) -> TokenizedText:
    """Cut the padding off and number the words behind the first `before`."""
    ids = row[: 1 + int(np.argmax(row == tokenizer.eot_token_id))].astype(np.int32)
    ends = [_ends_word(tokenizer, index) for index in ids]
    word = np.cumsum(ends) - ends  # the token that ends a word belongs to it
    special = {tokenizer.sot_token_id, tokenizer.eot_token_id}
    keys = [
        None if index in special or number < before else int(number)
        for index, number in zip(ids, word, strict=True)
    ]
    return TokenizedText(ids, number_words(keys))


def _ends_word(tokenizer: SimpleTokenizer, index: int) -> bool:
    piece: str = tokenizer.decoder[int(index)]
    return piece.endswith(WORD_END)
