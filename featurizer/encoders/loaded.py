"""What a family loaded, with how it was asked for: so that whoever reads its vectors can load it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic

from featurizer.encoders.base import Encoder, EncoderSpec, InputT, PreparedT, Vectors

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from featurizer.encoders.tokens import (
        ImageTokenEncoder,
        TextTokenEncoder,
        TokenBatch,
        TokenizedText,
        TokenSpec,
    )


@dataclass(frozen=True, slots=True)
class LoadedEncoder(Generic[InputT, PreparedT]):
    """A family's encoder under a specification that says more than the family could.

    Attributes:
        encoder: the family's.
        spec: its own, with what only the caller of the family knows.
    """

    encoder: Encoder[InputT, PreparedT]
    spec: EncoderSpec

    def prepare(self, value: InputT, /) -> PreparedT:
        """Do the part that needs no model; thread-safe, one item."""
        return self.encoder.prepare(value)

    def encode(self, prepared: Sequence[PreparedT], /) -> Vectors:
        """Return the (b, dim) float32 vectors of b prepared items, in their order."""
        return self.encoder.encode(prepared)


@dataclass(frozen=True, slots=True)
class LoadedImageTokens:
    """A family's `ImageTokenEncoder`, likewise."""

    encoder: ImageTokenEncoder
    spec: TokenSpec

    def prepare(self, image: Image, /) -> torch.Tensor:
        """Turn an RGB picture into the model's input; thread-safe."""
        return self.encoder.prepare(image)

    def encode(self, prepared: Sequence[torch.Tensor], /) -> TokenBatch:
        """Return the tokens of b ≥ 1 prepared pictures; t = `spec.max_tokens`."""
        return self.encoder.encode(prepared)


@dataclass(frozen=True, slots=True)
class LoadedTextTokens:
    """A family's `TextTokenEncoder`, likewise."""

    encoder: TextTokenEncoder
    spec: TokenSpec

    def tokenize(self, texts: Sequence[str], /) -> list[TokenizedText]:
        """Return each text's ids, special tokens and prompt included, cut at the token limit."""
        return self.encoder.tokenize(texts)

    def encode(self, ids: torch.Tensor, mask: torch.Tensor, /) -> TokenBatch:
        """Return the states of (b, t) int64 ids, where the (b, t) bool `mask` is True, and the pooled vectors."""
        return self.encoder.encode(ids, mask)

    def embed(self, ids: torch.Tensor, /) -> torch.Tensor:
        """Return the (…, e) float32 static input embeddings of ids, before any layer."""
        return self.encoder.embed(ids)
