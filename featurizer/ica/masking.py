"""What is hidden of each item: whole words, blocks of patches, or a whole modality.

An item with both modalities has either words or patches masked, never both, so that what is hidden can be told
from the other one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from featurizer.encoders.tokens import NO_WORD, TokenSpec
from featurizer.ica.batch import Outline
from featurizer.ica.options import Masking

ASPECT = 0.3
"""A block's height over its width lies between this and its inverse, as in BEiT."""


@dataclass(frozen=True, slots=True)
class Masks:
    """What is hidden of b items.

    Attributes:
        image: (b, p) bool, masked patches; False where the picture is hidden or absent.
        text: (b, t) bool, masked tokens, likewise.
        hide_image: (b,) bool: the picture is there, and the model is not shown it.
        hide_text: (b,) bool.
    """

    image: torch.Tensor
    text: torch.Tensor
    hide_image: torch.Tensor
    hide_text: torch.Tensor

    def rows(self, chosen: torch.Tensor | slice) -> Masks:
        """Return the masks of some of the items."""
        return Masks(*(getattr(self, name)[chosen] for name in self.__slots__))

    def to(self, device: str) -> Masks:
        """Return the masks on another device."""
        return Masks(*(getattr(self, name).to(device) for name in self.__slots__))


def draw_masks(items: Outline, spec: TokenSpec, masking: Masking, rng: np.random.Generator) -> Masks:
    """Draw what is hidden of each item.

    Args:
        items: what they have, on the CPU.
        spec: of the patches; prefix tokens (class, registers) are hidden with the masked patches, since they
            know the whole picture.
        masking: the ratios.
        rng: the source of randomness; the same state gives the same masks.
    """
    has_image, has_text = items.has_image.numpy(), items.length.numpy() > 0
    draw = rng.random(len(has_image))
    paired = has_image & has_text
    hide_text = paired & (draw < masking.hide_share / 2)
    hide_image = paired & ~hide_text & (draw < masking.hide_share)
    words_of = has_text & ~hide_text & ~hide_image
    patches_of = has_image & ~hide_text & ~hide_image
    side = rng.random(len(paired)) < 0.5
    words_of &= ~paired | side
    patches_of &= ~paired | ~side
    ratio = np.where(paired, masking.text_ratio, masking.unpaired_text_ratio)
    text = mask_words(items.words, torch.from_numpy(np.where(words_of, ratio, 0.0)), rng)
    image = np.zeros((len(paired), spec.max_tokens), bool)
    for row in np.flatnonzero(patches_of):
        image[row] = mask_patches(spec, masking.image_ratio, rng)
    return Masks(torch.from_numpy(image), text, torch.from_numpy(hide_image), torch.from_numpy(hide_text))


def mask_words(words: torch.Tensor, ratio: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Mask whole words: ⌈ratio · words⌉ of each text, none where the ratio is 0.

    Args:
        words: (b, t) int32 word numbers.
        ratio: (b,) float.
        rng: the source of randomness.

    Returns:
        (b, t) bool.
    """
    count = words.amax(dim=1) + 1
    keys = torch.from_numpy(rng.random((len(words), max(int(count.max()), 1)), dtype=np.float64))
    outside = torch.arange(keys.shape[1]) >= count[:, None]
    places = keys.masked_fill(outside, 2.0).argsort(dim=1).argsort(dim=1)
    chosen = places < torch.ceil(ratio * count)[:, None]
    return chosen.gather(1, words.clamp(min=0).long()) & (words != NO_WORD) & (ratio > 0)[:, None]


def mask_patches(spec: TokenSpec, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Mask blocks of patches until ⌈ratio · patches⌉ are hidden; the last block may be cut (BEiT, algorithm 1).

    Returns:
        (p,) bool, prefix tokens included and True.
    """
    rows, columns = spec.grid or (1, 1)
    wanted = math.ceil(ratio * rows * columns)
    hidden = np.zeros((rows, columns), bool)
    while hidden.sum() < wanted:
        missing = wanted - int(hidden.sum())
        area = rng.uniform(min(4, missing), max(missing, 4))
        aspect = math.exp(rng.uniform(math.log(ASPECT), -math.log(ASPECT)))
        height = min(max(round(math.sqrt(area * aspect)), 1), rows)
        width = min(max(round(math.sqrt(area / aspect)), 1), columns)
        top, left = rng.integers(rows - height + 1), rng.integers(columns - width + 1)
        block = np.zeros_like(hidden)
        block[top : top + height, left : left + width] = True
        fresh = np.flatnonzero(block & ~hidden)[:missing]
        hidden.reshape(-1)[fresh] = True
    return np.concatenate([np.ones(spec.prefix, bool), hidden.reshape(-1)])
