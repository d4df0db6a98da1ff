"""OpenCLIP's tokenizers, asked which word each of their tokens belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

from featurizer.encoders.families.open_clip.encoder import Tokenizer
from featurizer.encoders.families.open_clip.family import FAMILY
from featurizer.encoders.tokens import TokenizedText
from featurizer.encoders.torch_tokens import Words, no_tokens
from featurizer.encoders.word_tokenizer import neutral_id, number_words, open_words, vocabulary_sha256

WORD_END = "</w>"


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
        return BytePairWords(tokenizer, prompt)
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


@dataclass(frozen=True, slots=True)
class BytePairWords:
    """CLIP's own tokenizer: a word is what ends in `</w>`.

    Attributes:
        tokenizer: OpenCLIP's.
        prompt: what is put before every text; its tokens belong to no word.
    """

    tokenizer: SimpleTokenizer
    prompt: str

    @property
    def limit(self) -> int:
        """The longest sequence, special tokens included."""
        return int(self.tokenizer.context_length)

    @property
    def vocabulary(self) -> int:
        """How many token ids there are."""
        return int(self.tokenizer.vocab_size)

    @property
    def mask_id(self) -> int:
        """An exclamation mark: CLIP knows neither a mask nor unknown words."""
        return neutral_id(self.tokenizer.encoder, {*self.tokenizer.all_special_ids, self.padding_id})

    @property
    def padding_id(self) -> int:
        """What OpenCLIP fills shorter texts with."""
        return 0

    @property
    def sha256(self) -> str:
        """What two tokenizers share when they give the same ids to the same pieces."""
        return vocabulary_sha256(self.tokenizer.encoder)

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Return each text's ids, special tokens and prompt included, cut at the limit."""
        if not texts:
            return []
        rows: NDArray[np.int64] = self.tokenizer([self.prompt + text for text in texts]).numpy()
        before = sum(self._ends_word(index) for index in self.tokenizer.encode(self.prompt))
        return [self._split(row, before) for row in rows]

    def _split(self, row: NDArray[np.int64], before: int) -> TokenizedText:
        """Cut the padding off and number the words behind the first `before`."""
        ids = row[: 1 + int(np.argmax(row == self.tokenizer.eot_token_id))].astype(np.int32)
        ended = np.cumsum([self._ends_word(index) for index in ids])
        word = ended - [self._ends_word(index) for index in ids]  # the token that ends a word belongs to it
        special = {self.tokenizer.sot_token_id, self.tokenizer.eot_token_id}
        keys = [
            None if index in special or number < before else int(number)
            for index, number in zip(ids, word, strict=True)
        ]
        return TokenizedText(ids, number_words(keys))

    def _ends_word(self, index: int) -> bool:
        piece: str = self.tokenizer.decoder[int(index)]
        return piece.endswith(WORD_END)
