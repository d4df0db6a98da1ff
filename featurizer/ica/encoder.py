"""A trained alignment as an encoder: `featurizer extract --encoder ica:DIR`, for new items and for masked ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from featurizer.encoders.base import AnyEncoder, EncoderRequest, EncoderSpec, Modality, Pair, Vectors
from featurizer.encoders.placement import freeze
from featurizer.encoders.resolve import load_token_encoder
from featurizer.encoders.tokens import ImageTokenEncoder, TextTokenEncoder, TokenSpec
from featurizer.encoders.weights import state_sha256
from featurizer.errors import CodeNotTrusted, InputError
from featurizer.ica.batch import Batch, padded
from featurizer.ica.encoders import as_trained
from featurizer.ica.saved_model import SavedModel, load_saved_model, pooled_of
from featurizer.ica.text_states import whole_text
from featurizer.records import Json

FILLED = "filled"
"""The family of what a model starts from: the join, what is missing filled without training."""


@dataclass(frozen=True, slots=True)
class PreparedPair:
    """A picture as the vision encoder wants it, and a text; at least one."""

    picture: torch.Tensor | None
    text: str | None


@dataclass(frozen=True, slots=True)
class IcaEncoder:
    """Pictures and texts to unified vectors, through both frozen encoders and the trained model.

    Attributes:
        spec: of the space.
        bundle: the model.
        image: the frozen vision encoder.
        text: the frozen text encoder.
        device: of all three.
        mask: the modality to do without.
    """

    spec: EncoderSpec
    bundle: SavedModel
    image: ImageTokenEncoder
    text: TextTokenEncoder
    device: str
    mask: Modality | None

    def prepare(self, value: Pair, /) -> PreparedPair | None:
        """Prepare a picture and a text; None when nothing is left once the masked modality is taken away."""
        picture = None if self.mask == "image" else value.image
        text = None if self.mask == "text" else value.text
        if picture is None and text is None:
            return None
        return PreparedPair(None if picture is None else self.image.prepare(picture), text)

    def encode(self, prepared: Sequence[PreparedPair], /) -> Vectors:
        """Return (b, dim) float32 unified vectors."""
        if not prepared:
            return np.empty((0, self.spec.dim), np.float32)
        items = self._items(prepared)
        with torch.no_grad():
            found = self._vectors(items)
        vectors: Vectors = found.float().cpu().numpy()
        return vectors

    def _vectors(self, items: Batch) -> torch.Tensor:
        model, text = self.bundle.model, whole_text(items, items.has_text)
        if self.spec.family == FILLED:
            return model.start.filled(model.joined(items, text))
        return model.feature(model(items, text))

    def _items(self, prepared: Sequence[PreparedPair]) -> Batch:
        image, text = self.image.spec, self.text.spec
        patches = torch.zeros(len(prepared), image.max_tokens, image.dim)
        pooled_image = torch.zeros(len(prepared), image.pooled.dim)
        has_image = torch.tensor([pair.picture is not None for pair in prepared])
        pictures = [pair.picture for pair in prepared if pair.picture is not None]
        if pictures:
            found = self.image.encode(pictures)
            # the model was trained on states cached in float16
            patches[has_image] = found.states.cpu().half().float()
            pooled_image[has_image] = found.pooled.float().cpu()
        tokenized = iter(self.text.tokenize([pair.text for pair in prepared if pair.text is not None]))
        texts = [None if pair.text is None else next(tokenized) for pair in prepared]
        ids, words, length = padded(texts, text.padding_id or 0)
        states = torch.zeros(*ids.shape, text.dim)
        pooled_text = torch.zeros(len(prepared), text.pooled.dim)
        there = length > 0
        if there.any():
            mask = torch.arange(ids.shape[1]) < length[there, None]
            read = self.text.encode(ids[there].to(self.device), mask.to(self.device))
            states[there] = read.states.cpu().half().float() * mask[:, :, None]
            pooled_text[there] = read.pooled.float().cpu()
        return Batch(patches, has_image, ids, words, length, states, pooled_image, pooled_text).to(
            self.device
        )


def load(request: EncoderRequest, family: str = "ica") -> tuple[AnyEncoder, ...]:
    """Load a model folder, and the two encoders that it was trained on, from where its training found them.

    Raises:
        InputError: no model there, one of another version, or encoders that are not those of its training.
        ModelUnavailable: an encoder's weights could not be had, or it comes with code of its own.
    """
    if request.pooling is not None or request.prompt is not None:
        raise InputError(f"{family}:{request.model} brings its own pooling and prompt; leave them out")
    bundle = load_saved_model(Path(request.model).expanduser())
    weight_hash = state_sha256(bundle.model)
    # the frozen encoders give float32 whatever they compute in, and so does the model itself
    freeze(bundle.model, replace(request, dtype="float32"))
    try:
        image = load_token_encoder(bundle.vision, "image", device=request.device, dtype=request.dtype)
        reader = load_token_encoder(bundle.text, "text", device=request.device, dtype=request.dtype)
    except CodeNotTrusted as error:
        raise CodeNotTrusted(
            error.encoder,
            f"{family}:{request.model} does not run, and which was not there when it was trained: pretrain-ica again "
            "with an encoder without, or with this one at its earlier commit, FAMILY:REPO@COMMIT.",
        ) from error
    text = as_trained(reader, bundle.text_spec)
    bundle.check(image.spec, "image")
    bundle.check(text.spec, "text")
    now = replace(
        bundle,
        image_spec=_read_now(bundle.image_spec, image.spec),
        text_spec=_read_now(bundle.text_spec, text.spec),
    )
    spec = unified_spec(now, request, weight_hash)
    if family == FILLED:
        fills: dict[str, Json] = {name: fill.kind for name, fill in bundle.model.start.fills().items()}
        told = {**spec.preprocessing, "filled": fills}
        spec = replace(spec, family=family, pooling="join", preprocessing=told)
    return (IcaEncoder(spec, bundle, image, text, request.device, request.mask),)


def _read_now(trained: Mapping[str, Json], spec: TokenSpec) -> Mapping[str, Json]:
    """Put what gives the tokens now, plug-in and memory format, in the place of what gave them in training."""
    now = ("plugin", "memory_format")
    kept = {name: value for name, value in pooled_of(trained).items() if name not in now}
    told = {name: value for name, value in spec.pooled.provenance().items() if name in now}
    return {**trained, "pooled": kept | told}


def unified_spec(bundle: SavedModel, request: EncoderRequest, weight_hash: str) -> EncoderSpec:
    """Describe the unified space of a model; what `pretrain-ica` writes and what `extract` writes agree."""
    return EncoderSpec(
        name=request.name,
        modality="both",
        dim=bundle.model.dim,
        family="ica",
        model=request.model,
        revision=None,
        source="folder",
        weight_hash=weight_hash,
        pooling=bundle.model.pool,
        normalized=False,
        preprocessing={
            "library": "featurizer",
            "vision": dict(bundle.image_spec),
            "text": dict(bundle.text_spec),
            "mask": request.mask,
            **({} if bundle.model.residual is None else {"centered": True}),
            **({"training": "not used"} if bundle.model.is_untrained else {}),
            **({"terms": dict(bundle.terms)} if bundle.terms else {}),
        },
        license=request.license,
        dtype=request.dtype,
        mask=request.mask,
    )
