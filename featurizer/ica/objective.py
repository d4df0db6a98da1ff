"""Mask-then-predict: the parts of the loss, as sums over what was hidden.

Sums and counts are kept apart, and counts follow from the masks alone: a batch may be cut into parts, or spread
over processes, and the gradient of Σ weight · sum / count stays what it is for the batch in one piece.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import torch
from torch.nn import functional

from featurizer.encoders.tokens import NO_WORD
from featurizer.ica.batch import Batch
from featurizer.ica.heads import Heads
from featurizer.ica.masking import Masks
from featurizer.ica.model import IcaModel, States, TextStates
from featurizer.ica.options import ImageTarget, Objective

PARTS = ("word", "patch", "cls_word", "cls_patch", "pooled_text", "pooled_image", "latent")
"""Masked tokens at their own places; hidden tokens from CLS and position; pooled vectors from CLS; the join's parts."""


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
        counts = {name: int(getattr(self, name).sum()) for name in PARTS if name != "latent"}
        return counts | {"latent": counts["pooled_text"] + counts["pooled_image"]}


def hidden_of(words: torch.Tensor, masks: Masks, prefix: int) -> Hidden:
    """Say what the masks leave to be predicted: (b, t) word numbers; `prefix` tokens are never predicted."""
    patch = masks.image.clone()
    patch[:, :prefix] = False
    every = torch.ones_like(patch)
    every[:, :prefix] = False
    is_word = words != NO_WORD
    return Hidden(
        masks.text,
        patch,
        masks.text | (is_word & masks.hide_text[:, None]),
        patch | (every & masks.hide_image[:, None]),
        masks.text.any(dim=1) | masks.hide_text,
        patch.any(dim=1) | masks.hide_image,
    )


def weights(objective: Objective) -> dict[str, float]:
    """Return the weight of each part of the loss that is on."""
    every = {
        "word": objective.tokens,
        "patch": objective.tokens,
        "cls_word": objective.cls,
        "cls_patch": objective.cls,
        "pooled_text": objective.pooled,
        "pooled_image": objective.pooled,
        "latent": objective.latent if objective.method == "latent" else 0.0,
    }
    return {name: weight for name, weight in every.items() if weight}


@dataclass(frozen=True, slots=True)
class Prediction:
    """One part's predictions.

    Attributes:
        found: (m, V) logits, or (m, d) vectors.
        true: (m,) int64 classes, -1 where the train items know none; or (m, d) vectors.
        rows: (m,) int64, which item each belongs to.
    """

    found: torch.Tensor
    true: torch.Tensor
    rows: torch.Tensor

    def loss(self) -> torch.Tensor:
        """Return the sum of cross-entropies, a class -1 counting 0, or of 1 − cos."""
        if self.true.is_floating_point():
            return (1 - functional.cosine_similarity(self.found.float(), self.true.float(), dim=1)).sum()
        return functional.cross_entropy(self.found.float(), self.true, ignore_index=-1, reduction="sum")


def predict(
    model: IcaModel,
    heads: Heads,
    items: Batch,
    states: States,
    hidden: Hidden,
    target: ImageTarget,
    parts: Container[str] = PARTS,
) -> dict[str, Prediction]:
    """Predict what is hidden, by the parts of the loss that are asked for; `latent` has no head of its own.

    `word`, `cls_word`: over the token ids in use; `patch`, `cls_patch`: over the codes, or the frozen patch
    itself, as `target` says; `pooled_text`, `pooled_image`: what the frozen encoders pool of the whole item,
    centered.
    """
    decoder = heads.decoder
    predictions = {}
    for name, mask in (("word", hidden.word), ("cls_word", hidden.cls_word)):
        if name not in parts:
            continue
        rows, places = mask.nonzero(as_tuple=True)
        read = (
            states.text[rows, places]
            if name == "word"
            else decoder(states.cls, rows, places, decoder.position_text)
        )
        predictions[name] = Prediction(heads.word(read), heads.word_classes(items.ids[rows, places]), rows)
    for name, mask in (("patch", hidden.patch), ("cls_patch", hidden.cls_patch)):
        if name not in parts:
            continue
        rows, places = mask.nonzero(as_tuple=True)
        read = (
            states.image[rows, places]
            if name == "patch"
            else decoder(states.cls, rows, places, decoder.position_image)
        )
        true = model.standard_image(items.image[rows, places])
        predictions[name] = (
            Prediction(heads.code(read), heads.patch_classes(true), rows)
            if target == "code"
            else Prediction(heads.patch(read), true, rows)
        )
    return predictions | (_pooled(model, heads, items, states, hidden) if "pooled_text" in parts else {})


def _pooled(
    model: IcaModel, heads: Heads, items: Batch, states: States, hidden: Hidden
) -> dict[str, Prediction]:
    whole = model.joined(items, TextStates(states.text, items.pooled_text))
    split = model.start.dims[0]
    text, image = hidden.pooled_text.nonzero().flatten(), hidden.pooled_image.nonzero().flatten()
    return {
        "pooled_text": Prediction(heads.pooled_text(states.cls[text]), whole[text, split:], text),
        "pooled_image": Prediction(heads.pooled_image(states.cls[image]), whole[image, :split], image),
    }


def latent_loss(
    found: torch.Tensor, true: torch.Tensor, others: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return Σ_i −log(exp(cos(f_i, t_i)/τ) / Σ_j exp(cos(f_i, t_j)/τ)) + ‖f_i − t_i‖².

    The contrast says which item it is, the distance how much of it is known: a guess that says little stays short.

    Args:
        found: (m, d) predicted parts of the join.
        true: (m,) int64, which of `others` each one is.
        others: (k, d), that part of all items of the batch that have it.
        temperature: τ.
    """
    cosines = functional.normalize(found, dim=1) @ functional.normalize(others, dim=1).T
    distance = (found - others[true]).square().sum()
    return functional.cross_entropy(cosines / temperature, true, reduction="sum") + distance


def contrast(one: torch.Tensor, other: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return InfoNCE in both directions, halved: rows of `one` and `other` (b, d) belong together; mean over b."""
    similarity = functional.normalize(one, dim=1) @ functional.normalize(other, dim=1).T / temperature
    own = torch.arange(len(one), device=one.device)
    return (functional.cross_entropy(similarity, own) + functional.cross_entropy(similarity.T, own)) / 2
