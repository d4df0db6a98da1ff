"""Token encoders put together from functions: what every family that runs on torch returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from PIL.Image import Image
from torch.nn.functional import adaptive_avg_pool2d

from featurizer.encoders.base import AnyEncoder, EncoderSpec, Vectors
from featurizer.encoders.loaded import LoadedImageTokens, LoadedTextTokens
from featurizer.encoders.tokens import TokenBatch, TokenizedText, TokenSpec
from featurizer.errors import InputError, ShapeMismatch

States: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""The (b, t, dim) states and the (b, p) pooled vectors of one pass, in the model's own dtype."""

_AGREEMENT = {"float32": 1e-4, "tf32": 1e-2, "float16": 2e-2, "bfloat16": 1e-1}
"""How far the two ways to one vector may differ, in parts of its largest entry, before a model is refused."""


def image_tokens(
    spec: TokenSpec,
    prepare: Callable[[Image], torch.Tensor],
    forward: Callable[[Sequence[torch.Tensor]], States],
) -> LoadedImageTokens:
    """Put an image token encoder together from the two steps that a family supplies.

    Its `encode` raises ShapeMismatch where the model returns something else than its specification promises.

    Args:
        spec: what the tokens are.
        prepare: one RGB picture to the model's input, thread-safe.
        forward: b prepared pictures to their states and vectors.
    """

    def encode(prepared: Sequence[torch.Tensor]) -> TokenBatch:
        with torch.no_grad():  # not inference_mode: a training step cannot save inference tensors
            states, pooled = forward(prepared)
        return _checked(spec, states, pooled, (len(prepared), spec.max_tokens))

    return LoadedImageTokens(spec, prepare, encode)


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


@dataclass(frozen=True, slots=True)
class Words:
    """A tokenizer that counts words, with what a `TokenSpec` says of it.

    Attributes:
        tokenize: texts to ids and word numbers, special tokens and prompt included, cut at the limit.
        limit: the longest sequence, special tokens included.
        vocabulary: how many token ids there are.
        mask_id: stands for a hidden word.
        padding_id: fills shorter texts.
        sha256: what two tokenizers share when they give the same ids to the same pieces.
    """

    tokenize: Callable[[Sequence[str]], list[TokenizedText]]
    limit: int
    vocabulary: int
    mask_id: int
    padding_id: int
    sha256: str


def text_tokens(
    encoder: AnyEncoder,
    words: Words,
    layer: str,
    *,
    device: str,
    forward: Callable[[torch.Tensor, torch.Tensor], States],
    embedding: Callable[[torch.Tensor], torch.Tensor],
) -> LoadedTextTokens:
    """Put a text token encoder together beside its encoder, and try it once.

    Its `encode` raises ShapeMismatch where there are more tokens than the model's limit, or the model returns
    something else than its specification promises.

    Args:
        encoder: what makes the pooled vectors from the same model.
        words: its tokenizer.
        layer: the module that the states are read from.
        device: where the model is; ids are moved there.
        forward: (b, t) int64 ids and bool mask, padding already in place, to states and vectors.
        embedding: ids to the model's static input embeddings.

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

    def encode(ids: torch.Tensor, mask: torch.Tensor) -> TokenBatch:
        if ids.shape[1] > spec.max_tokens:
            raise ShapeMismatch(
                f"{spec.pooled.space}: {ids.shape[1]} tokens a text, the model's limit is {spec.max_tokens}; "
                "cut the texts with tokenize"
            )
        mask = mask.to(device)
        padding = torch.tensor(words.padding_id, device=device)
        filled = torch.where(mask, ids.to(device), padding)  # some models count positions by it
        with torch.no_grad():
            states, pooled = forward(filled, mask)
        return _checked(spec, states, pooled, (ids.shape[0], ids.shape[1]))

    def embed(ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return embedding(ids.to(device)).float()

    return LoadedTextTokens(spec, words.tokenize, encode, embed)


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
