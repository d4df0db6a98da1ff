"""Image tokens from timm: the last block's tokens of a transformer, the feature maps of everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import torch

from featurizer.encoders.base import EncoderRequest, EncoderSpec
from featurizer.encoders.families.timm.encoder import open_model
from featurizer.encoders.families.timm.family import FAMILY
from featurizer.encoders.tokens import ImageTokenEncoder, TokenSpec
from featurizer.encoders.torch_encoder import stacked
from featurizer.encoders.torch_tokens import (
    States,
    image_tokens,
    no_tokens,
    refuse_other_vectors,
    side_by_side,
)

Maps: TypeAlias = Sequence[torch.Tensor]
"""One (b, channels, rows, columns) tensor a stage, from the first to the last."""


def load(request: EncoderRequest) -> tuple[ImageTokenEncoder, ...]:
    """Load the token encoder of one timm model; names as for its encoder.

    A transformer of one resolution gives the tokens that its head reads, class and register tokens first. Any
    other model gives its last feature map before the head's own convolution, and beside it every earlier
    stage's map averaged down to the same grid: what the last one knows of kinds it has paid for with color
    and texture. `dim` is the sum of their channels.

    Raises:
        InputError: the model gives no feature maps.
        FeaturizerError: the model cannot be loaded.
    """
    loaded = open_model(request)
    encoder, place = loaded.encoder, loaded.place
    size = cast("Sequence[int]", encoder.spec.preprocessing["input_size"])
    probe = torch.randn(*size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        picture = probe.to(place.device, place.torch_dtype)[None]
        spec, read = _reading(encoder.spec, loaded.model, picture)
        forward = stacked(read, place, loaded.pixels.normalize)
        refuse_other_vectors(encoder.spec, forward([probe])[1], encoder.encode([probe]))
    return (image_tokens(spec, encoder.prepare, forward),)


def _reading(
    pooled: EncoderSpec, model: torch.nn.Module, probe: torch.Tensor
) -> tuple[TokenSpec, Callable[[torch.Tensor], States]]:
    """Find out, on one (1, 3, height, width) picture, what a model has to be read from, and how."""
    if not hasattr(model, "forward_intermediates"):
        raise no_tokens(f"{FAMILY.name}:{pooled.model}", "has no feature maps that timm can reach")
    features, maps = _intermediates(model)(probe)
    if not all(isinstance(part, torch.Tensor) for part in (features, *maps)):
        raise no_tokens(f"{FAMILY.name}:{pooled.model}", "works at several resolutions side by side")
    rows, columns = maps[-1].shape[2:]
    prefix = features.shape[1] - rows * columns
    flat = features.ndim == 3 and all(part.shape[2:] == maps[-1].shape[2:] for part in maps)
    if flat and prefix >= 0:
        spec = TokenSpec(pooled, features.shape[2], ("norm",), (rows, columns), prefix, features.shape[1])
        return spec, _of_tokens(model)
    dim, layers = sum(part.shape[1] for part in maps), _modules(model, len(maps))
    spec = TokenSpec(pooled, dim, layers, (rows, columns), max_tokens=rows * columns)
    return spec, _of_maps(model)


def _of_tokens(model: torch.nn.Module) -> Callable[[torch.Tensor], States]:
    body = cast("Callable[[torch.Tensor], torch.Tensor]", model.forward_features)
    head = cast("Callable[[torch.Tensor], torch.Tensor]", model.forward_head)

    def forward(pixels: torch.Tensor) -> States:
        states = body(pixels)
        return states, head(states)

    return forward


def _of_maps(model: torch.nn.Module) -> Callable[[torch.Tensor], States]:
    body = _intermediates(model)
    head = cast("Callable[[torch.Tensor], torch.Tensor]", model.forward_head)

    def forward(pixels: torch.Tensor) -> States:
        features, maps = body(pixels)
        return side_by_side(maps), head(features)

    return forward


def _intermediates(model: torch.nn.Module) -> Callable[[torch.Tensor], tuple[torch.Tensor, Maps]]:
    """Return the function to what the head reads and to every stage's map, in one pass."""
    return cast("Callable[[torch.Tensor], tuple[torch.Tensor, Maps]]", model.forward_intermediates)


def _modules(model: torch.nn.Module, count: int) -> tuple[str, ...]:
    """Name the stages as timm's `feature_info` does."""
    known = cast("Sequence[Mapping[str, str]]", model.feature_info)
    return tuple(stage["module"] for stage in known[:count])
