"""What the model is given of a batch of items, wherever it comes from: the cache, the catalog, or the caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from featurizer.encoders.tokens import NO_WORD, TokenizedText, TokenSpec


@dataclass(frozen=True, slots=True)
class Batch:
    """b items; a modality that an item lacks is zeros.

    Attributes:
        image: (b, p, d) float32, the frozen vision encoder's states of p patches.
        has_image: (b,) bool.
        ids: (b, t) int64 token ids, padded.
        words: (b, t) int32 word numbers, `NO_WORD` for special tokens and padding.
        length: (b,) int64, tokens of each text; 0 where there is none.
        text: (b, t, g) float32, the frozen text encoder's states of the text with nothing masked, zeros in padding.
        pooled_image: (b, e) float32, the frozen pooled vector.
        pooled_text: (b, f) float32, likewise, of the text with nothing masked.
    """

    image: torch.Tensor
    has_image: torch.Tensor
    ids: torch.Tensor
    words: torch.Tensor
    length: torch.Tensor
    text: torch.Tensor
    pooled_image: torch.Tensor
    pooled_text: torch.Tensor

    @property
    def has_text(self) -> torch.Tensor:
        """(b,) bool."""
        return self.length > 0

    @property
    def is_token(self) -> torch.Tensor:
        """(b, t) bool: which places of `ids` are no padding."""
        return torch.arange(self.ids.shape[1], device=self.ids.device) < self.length[:, None]

    def rows(self, chosen: torch.Tensor | slice) -> Batch:
        """Return some of the items."""
        return Batch(*(getattr(self, name)[chosen] for name in self.__slots__))

    def to(self, device: str) -> Batch:
        """Return the items on another device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__slots__))

    def without(self, *, image: bool = False, text: bool = False) -> Batch:
        """Return the items as if none had a picture, or none a text."""
        items = self
        if image:
            items = replace(
                items, image=torch.zeros_like(self.image), has_image=torch.zeros_like(self.has_image)
            )
        if text:
            items = replace(items, length=torch.zeros_like(self.length))
        return items


@dataclass(frozen=True, slots=True)
class Outline:
    """As much of b items as deciding what to mask takes.

    Attributes:
        has_image: (b,) bool.
        words: (b, t) int32, as in `Batch`.
        length: (b,) int64.
    """

    has_image: torch.Tensor
    words: torch.Tensor
    length: torch.Tensor


class TokenSource(Protocol):
    """Where a catalog's items come from, by row."""

    @property
    def rows(self) -> int:
        """Number of items."""
        ...

    @property
    def image_spec(self) -> TokenSpec:
        """What the patches are."""
        ...

    @property
    def text_spec(self) -> TokenSpec:
        """What the word pieces are."""
        ...

    def read(self, rows: Sequence[int]) -> Batch:
        """Return items in the order of `rows`, on the CPU."""
        ...

    def outline(self, rows: Sequence[int]) -> Outline:
        """Return what `rows` have, without reading pictures."""
        ...

    def ids_and_errors(self, rows: Sequence[int]) -> tuple[list[str], list[str | None]]:
        """Return the ids of `rows` and what went wrong with them, as a feature set tells it."""
        ...

    def item_ids(self, rows: Sequence[int]) -> list[str]:
        """Return the ids of `rows` alone."""
        ...

    def read_texts(self, rows: Sequence[int]) -> list[TokenizedText | None]:
        """Return the texts of `rows` alone."""
        ...


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of b items.

    Attributes:
        image: (b, p, d) float16 patches, zeros where there is none.
        pooled: (b, e) float32, likewise.
        there: (b,) bool.
    """

    image: np.ndarray
    pooled: np.ndarray
    there: np.ndarray


def no_pictures(spec: TokenSpec, count: int) -> Pictures:
    """Return room for the pictures of `count` items."""
    return Pictures(
        np.zeros((count, spec.max_tokens, spec.dim), np.float16),
        np.zeros((count, spec.pooled.dim), np.float32),
        np.zeros(count, bool),
    )


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of b items, nothing masked.

    Attributes:
        tokenized: None where there is none.
        states: of each text the (t, g) float16 states, likewise.
        pooled: (b, f) float32, zeros where there is none.
    """

    tokenized: list[TokenizedText | None]
    states: list[np.ndarray | None]
    pooled: np.ndarray


def no_texts(spec: TokenSpec, count: int) -> Texts:
    """Return room for the texts of `count` items."""
    return Texts([None] * count, [None] * count, np.zeros((count, spec.pooled.dim), np.float32))


def assembled(pictures: Pictures, texts: Texts, spec: TokenSpec) -> Batch:
    """Put b items together; `spec` is that of the texts."""
    ids, words, length = padded(texts.tokenized, spec.padding_id or 0)
    states = np.zeros((*ids.shape, spec.dim), np.float32)
    for row, found in enumerate(texts.states):
        if found is not None:
            states[row, : len(found)] = found
    return Batch(
        torch.from_numpy(pictures.image).float(),
        torch.from_numpy(pictures.there),
        ids,
        words,
        length,
        torch.from_numpy(states),
        torch.from_numpy(pictures.pooled),
        torch.from_numpy(texts.pooled),
    )


def padded(
    texts: Sequence[TokenizedText | None], padding_id: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Lay b texts side by side.

    Returns:
        `ids`, `words` and `length` as in `Batch`; t is the longest text, at least 1.
    """
    longest = max((len(text.ids) for text in texts if text is not None), default=0)
    ids = torch.full((len(texts), max(longest, 1)), padding_id, dtype=torch.int64)
    words = torch.full(ids.shape, NO_WORD, dtype=torch.int32)
    length = torch.zeros(len(texts), dtype=torch.int64)
    for row, text in enumerate(texts):
        if text is not None:
            length[row] = len(text.ids)
            ids[row, : len(text.ids)] = torch.from_numpy(text.ids).long()
            words[row, : len(text.ids)] = torch.from_numpy(text.words)
    return ids, words, length
