"""An encoder in memory: what it is, and its steps as functions. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from featurizer.encoders.base import EncoderSpec, InputT, PreparedT, TextLoss, Vectors

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from featurizer.encoders.tokens import TokenBatch, TokenizedText, TokenSpec


@dataclass(frozen=True, slots=True)
class LoadedEncoder(Generic[InputT, PreparedT]):
    """An `Encoder` put together from functions.

    Attributes:
        spec: what the vectors are.
        prepare: one item to the model's input; thread-safe.
        encode: b prepared items to their (b, dim) float32 vectors, in their order.
        losses: texts to what the model does not read of them; None of pictures, and where nobody can say.
        start: begins what `encode` does and returns what waits for the vectors: a GPU computes meanwhile, and a second
            batch may be started before the first one is fetched. None where there is `encode` alone.
    """

    spec: EncoderSpec
    prepare: Callable[[InputT], PreparedT]
    encode: Callable[[Sequence[PreparedT]], Vectors]
    losses: Callable[[Sequence[str]], Sequence[TextLoss]] | None = None
    start: Callable[[Sequence[PreparedT]], Callable[[], Vectors]] | None = None


@dataclass(frozen=True, slots=True)
class LoadedImageTokens:
    """An `ImageTokenEncoder` put together from functions.

    Attributes:
        spec: what the tokens are.
        prepare: one RGB picture to the model's input; thread-safe.
        encode: b ≥ 1 prepared pictures to their tokens; t = `spec.max_tokens`.
    """

    spec: TokenSpec
    prepare: Callable[[Image], torch.Tensor]
    encode: Callable[[Sequence[torch.Tensor]], TokenBatch]


@dataclass(frozen=True, slots=True)
class LoadedTextTokens:
    """A `TextTokenEncoder` put together from functions.

    Attributes:
        spec: what the tokens are.
        tokenize: texts to ids, special tokens and prompt included, cut at the token limit.
        encode: (b, t) int64 ids and bool mask to the states, where it is True, and the pooled vectors.
        embed: ids to the (…, e) float32 static input embeddings, before any layer.
    """

    spec: TokenSpec
    tokenize: Callable[[Sequence[str]], list[TokenizedText]]
    encode: Callable[[torch.Tensor, torch.Tensor], TokenBatch]
    embed: Callable[[torch.Tensor], torch.Tensor]
