"""Token encoders put together from functions: what every family that runs on torch returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from PIL.Image import Image
from torch.nn.functional import adaptive_avg_pool2d

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Vectors
from featurizer.encoders.tokens import TokenBatch, TokenizedText, TokenSpec
from featurizer.errors import InputError, ShapeMismatch

States: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""The (b, t, dim) states and the (b, p) pooled vectors of one pass, in the model's own dtype."""

_AGREEMENT = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
"""How far the two ways to one vector may differ, in parts of its largest entry, before a model is refused."""


@dataclass(frozen=True, slots=True)
class TorchImageTokens:
    """An `ImageTokenEncoder` whose two steps are functions that a family supplies.

    Attributes:
        spec: what the tokens are.
        prepare_one: one RGB picture to the model's input, thread-safe.
        forward: b prepared pictures to their states and vectors.
    """

    spec: TokenSpec
    prepare_one: Callable[[Image], torch.Tensor]
    forward: Callable[[Sequence[torch.Tensor]], States]

    def prepare(self, image: Image, /) -> torch.Tensor:
        """Turn an RGB picture into the model's input; thread-safe."""
        return self.prepare_one(image)

    def encode(self, prepared: Sequence[torch.Tensor], /) -> TokenBatch:
        """Return the tokens of b ≥ 1 prepared pictures, (b, `spec.max_tokens`, `spec.dim`).

        Raises:
            ShapeMismatch: the model returned something else than its specification promises.
        """
        with torch.no_grad():  # not inference_mode: a training step cannot save inference tensors
            states, pooled = self.forward(prepared)
        return _checked(self.spec, states, pooled, (len(prepared), self.spec.max_tokens))


def side_by_side(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return (b, rows · columns, channels of all maps) tokens on the last map's grid, row by row.

    What a convolutional network offers in the place of patches. Earlier maps are finer; they are averaged down to
    the last one's grid.

    Args:
        maps: one (b, channels, rows, columns) tensor a stage, from the first to the last.
    """
    rows, columns = maps[-1].shape[2:]
    same = [adaptive_avg_pool2d(part, (rows, columns)) for part in maps[:-1]]
    return torch.cat([*same, maps[-1]], dim=1).flatten(2).transpose(1, 2)


class Words(Protocol):
    """A tokenizer that counts words, with what a `TokenSpec` says of it."""

    @property
    def limit(self) -> int:
        """The longest sequence, special tokens included."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many token ids there are."""
        ...

    @property
    def mask_id(self) -> int:
        """Stands for a hidden word."""
        ...

    @property
    def padding_id(self) -> int:
        """Fills shorter texts."""
        ...

    @property
    def sha256(self) -> str:
        """What two tokenizers share when they give the same ids to the same pieces."""
        ...

    def tokenize(self, texts: Sequence[str], /) -> list[TokenizedText]:
        """Return each text's ids, special tokens and prompt included, cut at the limit."""
        ...


@dataclass(frozen=True, slots=True)
class TorchTextTokens:
    """A `TextTokenEncoder` whose three steps a family supplies.

    Attributes:
        spec: what the tokens are.
        device: where the model is; ids are moved there.
        words: texts to token ids.
        forward: (b, t) int64 ids and bool mask, padding already in place, to states and vectors.
        embedding: ids to the model's static input embeddings.
    """

    spec: TokenSpec
    device: str
    words: Words
    forward: Callable[[torch.Tensor, torch.Tensor], States]
    embedding: Callable[[torch.Tensor], torch.Tensor]

    def tokenize(self, texts: Sequence[str], /) -> list[TokenizedText]:
        """Return each text's ids, special tokens and prompt included, cut at the token limit."""
        return self.words.tokenize(texts)

    def encode(self, ids: torch.Tensor, mask: torch.Tensor, /) -> TokenBatch:
        """Return the states of (b, t) int64 ids, where the (b, t) bool `mask` is True, and the pooled vectors.

        Raises:
            ShapeMismatch: there are more tokens than the model's limit, or it returned something else than
                its specification promises.
        """
        if ids.shape[1] > self.spec.max_tokens:
            raise ShapeMismatch(
                f"{self.spec.pooled.space}: {ids.shape[1]} tokens a text, the model's limit is "
                f"{self.spec.max_tokens}; cut the texts with tokenize"
            )
        mask = mask.to(self.device)
        padding = torch.tensor(self.spec.padding_id, device=self.device)
        filled = torch.where(mask, ids.to(self.device), padding)  # some models count positions by it
        with torch.no_grad():
            states, pooled = self.forward(filled, mask)
        return _checked(self.spec, states, pooled, (ids.shape[0], ids.shape[1]))

    def embed(self, ids: torch.Tensor, /) -> torch.Tensor:
        """Return the (…, e) float32 static input embeddings of ids, before any layer."""
        with torch.no_grad():
            return self.embedding(ids.to(self.device)).float()


def text_tokens(
    encoder: AnyEncoder,
    words: Words,
    layer: str,
    device: str,
    forward: Callable[[torch.Tensor, torch.Tensor], States],
    embedding: Callable[[torch.Tensor], torch.Tensor],
) -> TorchTextTokens:
    """Put a text token encoder together beside its encoder, and try it once.

    Args:
        encoder: what makes the pooled vectors from the same model.
        words: its tokenizer.
        layer: the module that the states are read from.
        device: where the model is.
        forward: see `TorchTextTokens`.
        embedding: see `TorchTextTokens`.

    Raises:
        InputError: the pass that gives the tokens pools them in another way than the encoder.
    """
    probe = ["a red cotton dress", "mug"]
    ids, mask = padded(words.tokenize(probe), words.padding_id)
    with torch.no_grad():
        states, pooled = forward(ids.to(device), mask.to(device))
    refuse_other_vectors(encoder.spec, pooled, encoder.encode([encoder.prepare(text) for text in probe]))
    spec = TokenSpec(
        pooled=encoder.spec,
        dim=states.shape[2],
        layers=(layer,),
        max_tokens=words.limit,
        vocabulary=words.vocabulary,
        mask_id=words.mask_id,
        padding_id=words.padding_id,
        tokenizer=words.sha256,
    )
    return TorchTextTokens(spec, device, words, forward, embedding)


def padded(texts: Sequence[TokenizedText], padding_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (b, t) int64 ids of b texts and the (b, t) bool mask, True where there is a token."""
    ids = torch.full((len(texts), max(len(text.ids) for text in texts)), padding_id)
    mask = torch.zeros(ids.shape, dtype=torch.bool)
    for row, text in enumerate(texts):
        ids[row, : len(text.ids)] = torch.from_numpy(text.ids)
        mask[row, : len(text.ids)] = True
    return ids, mask


def refuse_other_vectors(spec: EncoderSpec, found: torch.Tensor, expected: Vectors) -> None:
    """Stop when the pooled vectors beside the tokens are not those that the encoder gives.

    Libraries hold many architectures, and plug more in; one that pools in a way of its own is found here, on
    a probe, and not by whoever compares two spaces later.

    Args:
        spec: the encoder.
        found: (b, p) vectors from the pass that gives the tokens.
        expected: (b, p) vectors from the encoder.

    Raises:
        InputError: they differ.
    """
    vectors = found.float().cpu().numpy()
    allowed = _AGREEMENT[spec.dtype] * max(1.0, float(np.abs(expected).max()))
    if vectors.shape != expected.shape or not np.allclose(vectors, expected, rtol=0, atol=allowed):
        raise no_tokens(f"{spec.family}:{spec.model}", "pools its tokens in a way that cannot be followed")


def no_tokens(where: str, found: str) -> InputError:
    """Return the error for a model that is an encoder, but no token encoder.

    Args:
        where: the model as the user types it.
        found: what it does instead, as the end of a sentence.
    """
    return InputError(
        f"{where} gives vectors but no tokens: it {found}. Expected a model whose patches or words can be "
        f"read one by one; choose a ViT or a CNN that gives feature maps, or a text model with a fast tokenizer."
    )


def _checked(
    spec: TokenSpec, states: torch.Tensor, pooled: torch.Tensor, size: tuple[int, int]
) -> TokenBatch:
    expected = (*size, spec.dim)
    if tuple(states.shape) != expected or tuple(pooled.shape) != (size[0], spec.pooled.dim):
        raise ShapeMismatch(
            f"{spec.pooled.space}: {spec.pooled.family} model {spec.pooled.model} returned states of shape "
            f"{tuple(states.shape)} and vectors of shape {tuple(pooled.shape)}, its specification says "
            f"{expected} and {(size[0], spec.pooled.dim)}; choose another model."
        )
    return TokenBatch(states.float(), pooled.float())
