"""What a token encoder is: a frozen model read before its pooling, one state a patch or a word piece.

Inter-content alignment attends over these sequences. A picture's states depend on the picture alone, so they
may be cached. A text's are encoded again under every mask, since a contextual state would tell its neighbors
which word was hidden; what is cached of a text is its token ids, and its states for when no word is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image

from featurizer.encoders.base import EncoderRequest, EncoderSpec

NO_WORD = -1
"""The word number of a special token: never masked, never predicted."""


@dataclass(frozen=True, slots=True)
class TokenSpec:
    """What the tokens are.

    Attributes:
        pooled: the encoder whose vectors `TokenBatch.pooled` holds; equal to what `Encoder.spec` says of it.
        dim: length of a token's state.
        layers: which of the model's layers the states are read from, in the library's own names.
        grid: rows and columns of patches; None for texts.
        prefix: tokens before the patches (class, registers); 0 for feature maps and texts.
        max_tokens: the longest sequence: `prefix + rows · columns`, or the token limit.
        vocabulary: how many token ids there are; 0 for pictures.
        mask_id: the id that stands for a hidden word: the tokenizer's mask token, or its unknown token where it
            has none, or where it has neither (CLIP) an exclamation mark; None for pictures.
        padding_id: fills a batch's shorter texts; None for pictures.
        tokenizer: a sha256 of the tokenizer's vocabulary; empty for pictures.
    """

    pooled: EncoderSpec
    dim: int
    layers: tuple[str, ...]
    grid: tuple[int, int] | None = None
    prefix: int = 0
    max_tokens: int = 0
    vocabulary: int = 0
    mask_id: int | None = None
    padding_id: int | None = None
    tokenizer: str = ""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """b items' tokens on the encoder's device.

    Attributes:
        states: (b, t, dim) float32, arbitrary where a text is padded.
        pooled: (b, p) float32: what `Encoder.encode` returns for the same input, to 1e-5.
    """

    states: torch.Tensor
    pooled: torch.Tensor


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """One text in token ids, special tokens included, at most `max_tokens`.

    Attributes:
        ids: (t,) int32.
        words: (t,) int32: the number of the word that a token belongs to, counted from 0 in each text;
            `NO_WORD` for special tokens. Tokens of one word are masked together.
    """

    ids: NDArray[np.int32]
    words: NDArray[np.int32]


class ImageTokenEncoder(Protocol):
    """Pictures to patch tokens, row by row from the top left; fixed length."""

    @property
    def spec(self) -> TokenSpec:
        """What the tokens are."""
        ...

    def prepare(self, image: Image, /) -> torch.Tensor:
        """Turn an RGB picture into the model's input; thread-safe, as `Encoder.prepare`."""
        ...

    def encode(self, prepared: Sequence[torch.Tensor], /) -> TokenBatch:
        """Return the tokens of b ≥ 1 prepared pictures; t = `spec.max_tokens`."""
        ...


class TextTokenEncoder(Protocol):
    """Texts to token ids, and token ids to states, so that a caller may hide words in between."""

    @property
    def spec(self) -> TokenSpec:
        """What the tokens are."""
        ...

    def tokenize(self, texts: Sequence[str], /) -> list[TokenizedText]:
        """Return each text's ids, special tokens and prompt included, cut at the token limit."""
        ...

    def encode(self, ids: torch.Tensor, mask: torch.Tensor, /) -> TokenBatch:
        """Return the states of (b, t) int64 ids, where the (b, t) bool `mask` is True, and the pooled vectors.

        Padding does not change a row (to 1e-5).
        """
        ...

    def embed(self, ids: torch.Tensor, /) -> torch.Tensor:
        """Return the (…, e) float32 static input embeddings of ids, before any layer."""
        ...


AnyTokenEncoder: TypeAlias = ImageTokenEncoder | TextTokenEncoder
TokenLoader: TypeAlias = Callable[[EncoderRequest], Sequence[Any]]
"""What a family may offer beside its `Loader`: one token encoder a modality."""
