"""The two frozen encoders as the alignment reads them: word pieces in context, or as static embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch

from featurizer.encoders.resolve import load_token_encoder
from featurizer.encoders.tokens import TextTokenEncoder, TokenBatch, TokenizedText, TokenSpec
from featurizer.errors import CodeNotTrusted
from featurizer.ica.token_store import TokenEncoders
from featurizer.records import Json

WordStates: TypeAlias = Literal["contextual", "static"]
"""What the model is given of a word piece: its last state in a text encoded under the mask, or its input embedding."""

STATIC_LAYER = "input_embeddings"


@dataclass(frozen=True, slots=True)
class StaticWords:
    """A text encoder whose states are its own input embeddings: a word piece says nothing of those beside it.

    The pooled vector stays the encoder's, of the text under the mask, so a pass is no cheaper.

    Attributes:
        encoder: what is read.
        spec: its own, with the embeddings' length and `STATIC_LAYER`.
    """

    encoder: TextTokenEncoder
    spec: TokenSpec

    def tokenize(self, texts: Sequence[str], /) -> list[TokenizedText]:
        """Return each text's ids."""
        return self.encoder.tokenize(texts)

    def encode(self, ids: torch.Tensor, mask: torch.Tensor, /) -> TokenBatch:
        """Return the embeddings (b, t, e) of (b, t) ids, and the pooled vectors."""
        return TokenBatch(self.embed(ids), self.encoder.encode(ids, mask).pooled)

    def embed(self, ids: torch.Tensor, /) -> torch.Tensor:
        """Return the (…, e) static input embeddings of ids."""
        return self.encoder.embed(ids)


def static_words(encoder: TextTokenEncoder) -> StaticWords:
    """Read an encoder's word pieces as static embeddings."""
    dim = encoder.embed(torch.zeros(1, dtype=torch.int64)).shape[-1]
    return StaticWords(encoder, replace(encoder.spec, dim=dim, layers=(STATIC_LAYER,)))


def load_encoders(
    vision: str, text: str, *, device: str, threads: int | None = None, words: WordStates = "contextual"
) -> TokenEncoders:
    """Load both encoders as the user named them.

    Raises:
        InputError: one gives no tokens of its side.
        CodeNotTrusted: one comes with code of its own.
        FeaturizerError: one cannot be loaded.
    """
    try:
        image = load_token_encoder(vision, "image", device=device)
        reader = load_token_encoder(text, "text", device=device)
    except CodeNotTrusted as error:
        repo = error.encoder.partition(":")[2]
        raise CodeNotTrusted(
            error.encoder,
            "pretrain-ica does not run: choose an encoder without, or use this one's vectors alone, through extract "
            f"--trust-remote-code {repo}@COMMIT and align.",
        ) from error
    return TokenEncoders(image, static_words(reader) if words == "static" else reader, device, threads)


def as_trained(encoder: TextTokenEncoder, trained: Mapping[str, Json]) -> TextTokenEncoder:
    """Read an encoder's word pieces as the model did whose record of its text tokens is `trained`."""
    return static_words(encoder) if trained.get("layers") == [STATIC_LAYER] else encoder
