"""A learned map as an encoder: `featurizer extract --encoder align:DIR`, for items that nobody has bought yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from featurizer.alignment.saved_model import LearnedSpace, SavedMap, load_map
from featurizer.encoders.base import (
    AnyEncoder,
    EncoderRequest,
    EncoderSpec,
    Images,
    Modality,
    Pair,
    TextLoss,
    Vectors,
)
from featurizer.encoders.mean_of_pictures import MeanOfPictures
from featurizer.encoders.naming import found_request
from featurizer.encoders.resolve import load_encoders
from featurizer.errors import CodeNotTrusted, InputError

Prepared: TypeAlias = tuple[object | None, ...]
"""An item as each encoder of the map wants it; None where it lacks what that one reads."""


@dataclass(frozen=True, slots=True)
class AlignEncoder:
    """Pictures and texts to aligned vectors, through the encoders of the map's spaces.

    Attributes:
        spec: of the space.
        saved: the map.
        encoders: of its spaces, in their order.
        mask: the modality to do without.
    """

    spec: EncoderSpec
    saved: SavedMap
    encoders: tuple[AnyEncoder, ...]
    mask: Modality | None

    def prepare(self, value: Pair, /) -> Prepared | None:
        """Prepare what each encoder reads; None where nothing is left for any."""
        picture = None if self.mask == "image" else value.image
        text = None if self.mask == "text" else value.text
        sides = {"image": picture, "text": text, "both": Pair(picture, text) if picture or text else None}
        own = [sides[encoder.spec.modality] for encoder in self.encoders]
        found = tuple(
            None if side is None else _prepared(encoder, side)
            for encoder, side in zip(self.encoders, own, strict=True)
        )
        return found if any(one is not None for one in found) else None

    @property
    def losses(self) -> Callable[[Sequence[str]], list[TextLoss]] | None:
        """Texts to what any of the encoders does not read of them; None where no text is read, or none can say."""
        counts = [getattr(one, "losses", None) for one in self.encoders if one.spec.modality == "text"]
        known = [] if self.mask == "text" else [count for count in counts if count is not None]
        if not known:
            return None
        return lambda texts: [
            TextLoss(any(one.cut for one in each), any(one.unknown for one in each))
            for each in zip(*(count(texts) for count in known), strict=True)
        ]

    def encode(self, prepared: Sequence[Prepared], /) -> Vectors:
        """Return (b, width) float32 aligned vectors."""
        parts = []
        for place, encoder in enumerate(self.encoders):
            there = np.array([item[place] is not None for item in prepared], bool)
            vectors = np.zeros((len(prepared), encoder.spec.dim), np.float32)
            if there.any():
                vectors[there] = encoder.encode([item[place] for item in prepared if item[place] is not None])
            parts.append((vectors, there))
        return self.saved.mapping(parts)[0]


def _prepared(encoder: AnyEncoder, side: object) -> object:
    """Return what an encoder makes of a picture, a text or both; one of all pictures is given this alone."""
    prepared: object = encoder.prepare(side)
    return [prepared] if encoder.spec.modality == "image" and encoder.spec.images is not None else prepared


def load(request: EncoderRequest) -> tuple[AnyEncoder, ...]:
    """Load a map, and the encoders of its spaces from where the feature set had them.

    Raises:
        InputError: no map there, or its spaces cannot be made of new items by the encoders that made them.
        ModelUnavailable: an encoder's weights could not be had, or it comes with code of its own.
    """
    if request.pooling is not None or request.prompt is not None:
        raise InputError(f"align:{request.model} brings its own pooling and prompt; leave them out")
    saved = load_map(Path(request.model).expanduser())
    folder = saved.folder.absolute()
    places = (Path.cwd(), folder, folder.parent, folder.parent.parent)
    texts = [found_request(told, places) for told in saved.manifest.requests]
    together = any(space.provenance.get("images") == "all" for space in saved.manifest.spaces)
    loaded = _load(texts, request, "all" if together else "first") if texts else []
    made = {encoder.spec.space: encoder for encoder in loaded}
    encoders = tuple(_encoder(space, made, request.model) for space in saved.manifest.spaces)
    spec = EncoderSpec(
        name=request.name,
        modality="both",
        dim=saved.manifest.width,
        family="align",
        model=request.model,
        revision=None,
        source="folder",
        weight_hash=saved.manifest.weight_hash,
        pooling="linear map",
        normalized=True,
        preprocessing={**saved.told, "mask": request.mask},
        license=request.license,
        dtype=request.dtype,
        mask=request.mask,
        supervised=saved.supervision,
        supervised_items=tuple(saved.supervised),
        memory_format=next((one.spec.memory_format for one in encoders if one.spec.memory_format), None),
    )
    return (AlignEncoder(spec, saved, encoders, request.mask),)


def _load(texts: Sequence[str], request: EncoderRequest, images: Images) -> Sequence[AnyEncoder]:
    try:
        return load_encoders(texts, device=request.device, dtype=request.dtype, images=images)
    except CodeNotTrusted as error:
        repo = error.encoder.partition(":")[2]
        raise CodeNotTrusted(
            error.encoder,
            f"align:{request.model} does not run: put the new items into one catalog with the others, extract that "
            f"with --trust-remote-code {repo}@COMMIT, and align it again; the map needs no interactions of new items.",
        ) from error


def _encoder(space: LearnedSpace, made: dict[str, AnyEncoder], model: str) -> AnyEncoder:
    """Return the encoder of a space that the map was learned on.

    Raises:
        InputError: there is none, or it is another one now.
    """
    found = made.get(space.name)
    if found is None:
        raise InputError(
            f"align:{model} was learned on the space {space.name}, which no encoder of the feature set makes (it was "
            "imported, or stands beside what 'pretrain-ica' wrote). New items go another way: put their vectors into "
            "one feature set with the others and align that again; the map needs no interactions of theirs"
        )
    known = space.provenance.get("weight_hash")
    if found.spec.weight_hash != known or found.spec.dim != space.dim:
        raise InputError(
            f"align:{model} was learned on {space.name} of weights {str(known)[:12]} and {space.dim} dimensions; "
            f"{found.spec.family}:{found.spec.model} has {found.spec.weight_hash[:12]} and {found.spec.dim}. Expected "
            "the same encoder: pin its revision, or align features of the one there is now"
        )
    meant = space.provenance.get("images") == "mean" and found.spec.images is None
    return MeanOfPictures.of(found) if meant else found
