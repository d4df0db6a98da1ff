"""Pictures as a Sentence Transformers model takes them: prepared one by one where that gives the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from PIL.Image import Image, fromarray
from transformers import BaseImageProcessor

from featurizer.encoders.families.sentence_transformers.model import MESSAGE
from featurizer.records import Json

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Features: TypeAlias = Mapping[str, Any]
"""What Sentence Transformers makes of a batch before its model sees it: tensors, and words about them."""


@dataclass(frozen=True, slots=True)
class PicturesApart:
    """Pictures prepared one by one, on any thread, and encoded together.

    Attributes:
        model: the pipeline.
        prompt: see `OpenedModel`.
    """

    model: SentenceTransformer
    prompt: str | None

    def prepare(self, image: Image) -> Features:
        """Prepare one picture."""
        return self._preprocessed([image])

    def encode(self, prepared: Sequence[Features]) -> torch.Tensor:
        """Return the (b, d) vectors of b prepared pictures."""
        from sentence_transformers.util import batch_to_device

        batch = batch_to_device(_side_by_side(prepared), self.model.device)
        found: torch.Tensor = self.model(batch, task="document")["sentence_embedding"]
        return found[:, : self.model.truncate_dim]

    def fits(self) -> bool:
        """Say whether two pictures of different shapes are the same prepared apart and together."""
        rng = np.random.default_rng(0)
        pictures = [fromarray(rng.integers(0, 256, (*shape, 3), np.uint8)) for shape in ((71, 83), (90, 40))]
        apart = [self.prepare(one) for one in pictures]
        tensors = [value for one in apart for value in one.values() if isinstance(value, torch.Tensor)]
        if any(value.ndim == 0 or len(value) != 1 for value in tensors):
            return False
        if any(one[name].shape != apart[0][name].shape for one in apart for name in _tensors(one)):
            return False
        found, expected = _side_by_side(apart), self._preprocessed(pictures)
        return found.keys() == expected.keys() and all(
            torch.equal(found[name], expected[name]) for name in _tensors(found)
        )

    def _preprocessed(self, pictures: Sequence[Image]) -> Features:
        found: Features = self.model.preprocess(
            [{"image": one} for one in pictures], prompt=self.prompt, task="document"
        )
        return dict(found)


def pictures_apart(model: SentenceTransformer, prompt: str | None) -> PicturesApart | None:
    """Return how pictures are prepared one by one; None where the model takes them in messages, or of varying size."""
    apart = PicturesApart(model, prompt)
    return None if model.supports(MESSAGE) or not apart.fits() else apart


def _tensors(features: Features) -> list[str]:
    return [name for name, value in features.items() if isinstance(value, torch.Tensor)]


def _side_by_side(prepared: Sequence[Features]) -> dict[str, Any]:
    first = prepared[0]
    return {
        name: torch.cat([one[name] for one in prepared]) if isinstance(value, torch.Tensor) else value
        for name, value in first.items()
    }


def processor_settings(model: SentenceTransformer) -> dict[str, Json]:
    """Return the settings of the processors that see pictures: one, or one a way through the model."""
    found = {id(one): one for module in model.modules() if (one := _image_processor(module)) is not None}
    told = [json.loads(json.dumps(one.to_dict())) for one in found.values()]
    return {"processor": told[0] if len(told) == 1 else told}


def _image_processor(module: torch.nn.Module) -> BaseImageProcessor | None:
    processor = getattr(module, "processor", None)
    for one in (processor, getattr(processor, "image_processor", None)):
        if isinstance(one, BaseImageProcessor):
            return one
    return None
