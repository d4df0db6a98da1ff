"""Mask-then-predict: the parts of the loss, as sums over what was hidden.

Sums and counts are kept apart, and counts follow from the masks alone: a batch may be cut into parts, or spread
over processes, and the gradient of Σ weight · sum / count stays what it is for the batch in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from featurizer.encoders.tokens import NO_WORD
from featurizer.ica.heads import Heads
from featurizer.ica.items import Items
from featurizer.ica.masking import Masks
from featurizer.ica.model import IcaModel, States, TextStates
from featurizer.ica.options import ImageTarget, Objective

PARTS = ("word", "patch", "cls_word", "cls_patch", "pooled_text", "pooled_image")
"""Masked tokens at their own places; hidden tokens from CLS and position; pooled vectors from CLS."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Which tokens and vectors of b items are to be predicted.

    Attributes:
        word: (b, t) bool, masked word pieces.
        patch: (b, p) bool, masked patches without prefix tokens.
        cls_word: (b, t) bool: those, and every word piece of a hidden text.
        cls_patch: (b, p) bool, likewise.
        pooled_text: (b,) bool: the text is masked or hidden.
        pooled_image: (b,) bool, likewise.
    """

    word: torch.Tensor
    patch: torch.Tensor
    cls_word: torch.Tensor
    cls_patch: torch.Tensor
    pooled_text: torch.Tensor
    pooled_image: torch.Tensor

    def counts(self) -> dict[str, int]:
        """Return how many predictions each part of the loss holds."""
        return {name: int(getattr(self, name).sum()) for name in PARTS}


def hidden_of(items: Items, masks: Masks, prefix: int) -> Hidden:
    """Say what the masks leave to be predicted; `prefix` tokens are never predicted."""
    patch = masks.image.clone()
    patch[:, :prefix] = False
    every = torch.ones_like(patch)
    every[:, :prefix] = False
    words = items.words != NO_WORD
    return Hidden(
        masks.text,
        patch,
        masks.text | (words & masks.hide_text[:, None]),
        patch | (every & masks.hide_image[:, None]),
        masks.text.any(dim=1) | masks.hide_text,
        patch.any(dim=1) | masks.hide_image,
    )


def weights(objective: Objective) -> dict[str, float]:
    """Return each part's weight."""
    return {
        "word": objective.tokens,
        "patch": objective.tokens,
        "cls_word": objective.cls,
        "cls_patch": objective.cls,
        "pooled_text": objective.pooled,
        "pooled_image": objective.pooled,
    }


def loss_sums(
    model: IcaModel, heads: Heads, items: Items, states: States, hidden: Hidden, target: ImageTarget
) -> dict[str, torch.Tensor]:
    """Return each part's loss, summed over its predictions.

    `word`, `cls_word`: cross-entropy over the ids in use; an id that the train texts do not use counts 0.
    `patch`, `cls_patch`: cross-entropy over the codes, or 1 − cos to the frozen patch.
    `pooled_text`, `pooled_image`: 1 − cos to what the frozen encoders pool of the whole item, centred.
    """
    word, patch = logits(model, heads, states, hidden, target), _truth(model, heads, items, hidden, target)
    sums = {name: _distance(word[name], patch[name]) for name in PARTS[:4]}
    for name, (found, true) in _pooled(model, heads, items, states, hidden).items():
        sums[name] = (1 - functional.cosine_similarity(found.float(), true.float(), dim=1)).sum()
    return sums


def logits(
    model: IcaModel, heads: Heads, states: States, hidden: Hidden, target: ImageTarget
) -> dict[str, torch.Tensor]:
    """Return the predictions of the four token parts: (m, V) a word, (m, K) or (m, d) a patch."""
    read_patch = heads.code if target == "code" else heads.patch
    cls = states.cls
    rows_word, at_word = hidden.cls_word.nonzero(as_tuple=True)
    rows_patch, at_patch = hidden.cls_patch.nonzero(as_tuple=True)
    decoder = heads.decoder
    return {
        "word": heads.word(states.text[hidden.word]),
        "patch": read_patch(states.image[hidden.patch]),
        "cls_word": heads.word(decoder(cls, rows_word, decoder.position_text[at_word])),
        "cls_patch": read_patch(decoder(cls, rows_patch, decoder.position_image[at_patch])),
    }


def _truth(
    model: IcaModel, heads: Heads, items: Items, hidden: Hidden, target: ImageTarget
) -> dict[str, torch.Tensor]:
    truth = {name: heads.word_classes(items.ids[getattr(hidden, name)]) for name in ("word", "cls_word")}
    for name in ("patch", "cls_patch"):
        patches = model.standard_image(items.image[getattr(hidden, name)])
        truth[name] = heads.patch_classes(patches) if target == "code" else patches
    return truth


def _distance(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    if true.is_floating_point():
        return (1 - functional.cosine_similarity(found.float(), true, dim=1)).sum()
    return functional.cross_entropy(found.float(), true, ignore_index=-1, reduction="sum")


def _pooled(
    model: IcaModel, heads: Heads, items: Items, states: States, hidden: Hidden
) -> Mapping[str, tuple[torch.Tensor, torch.Tensor]]:
    whole = model.joined(items, TextStates(states.text, items.pooled_text))
    split = sum(model.start.dims[:2])
    return {
        "pooled_text": (
            heads.pooled_text(states.cls[hidden.pooled_text]),
            whole[hidden.pooled_text, split:],
        ),
        "pooled_image": (
            heads.pooled_image(states.cls[hidden.pooled_image]),
            whole[hidden.pooled_image, :split],
        ),
    }


def contrast(one: torch.Tensor, other: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return InfoNCE in both directions, halved: rows of `one` and `other` (b, d) belong together; mean over b."""
    similarity = functional.normalize(one, dim=1) @ functional.normalize(other, dim=1).T / temperature
    own = torch.arange(len(one), device=one.device)
    return (functional.cross_entropy(similarity, own) + functional.cross_entropy(similarity.T, own)) / 2
