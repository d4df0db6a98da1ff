"""Image tokens from timm: the last block's tokens of a transformer, the feature maps of everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch

from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.families.timm.encoder import TimmModel, open_model
from featurizer.encoders.families.timm.family import FAMILY
from featurizer.encoders.tokens import ImageTokenEncoder, TokenSpec
from featurizer.encoders.torch_encoder import TORCH_DTYPES, stacked
from featurizer.encoders.torch_tokens import (
    States,
    TorchImageTokens,
    no_tokens,
    refuse_other_vectors,
    side_by_side,
)

Maps: TypeAlias = Sequence[torch.Tensor]
"""One (b, channels, rows, columns) tensor a stage, from the first to the last."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How tokens are read from one model.

    Attributes:
        layers: the modules that they come from.
        grid: rows and columns.
        prefix: tokens before the patches.
        forward: (b, 3, height, width) pictures to states and vectors.
    """

    layers: tuple[str, ...]
    grid: tuple[int, int]
    prefix: int
    forward: Callable[[torch.Tensor], States]


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
    size = cast("Sequence[int]", loaded.spec.preprocessing["input_size"])
    probe = torch.randn(*size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        reading = _reading(loaded, probe.to(request.device, TORCH_DTYPES[request.dtype])[None])
        forward = stacked(reading.forward, device=request.device, dtype=request.dtype)
        states, pooled = forward([probe])
    refuse_other_vectors(loaded.spec, pooled, loaded.encoder(device=request.device).encode([probe]))
    spec = TokenSpec(
        pooled=loaded.spec,
        dim=states.shape[2],
        layers=reading.layers,
        grid=reading.grid,
        prefix=reading.prefix,
        max_tokens=states.shape[1],
    )
    return (TorchImageTokens(spec, loaded.transform, forward),)


def _reading(loaded: TimmModel, probe: torch.Tensor) -> Reading:
    """Find out, on one (1, 3, height, width) picture, what a model has to be read from."""
    model, spec = loaded.model, loaded.spec
    if not hasattr(model, "forward_intermediates"):
        raise no_tokens(f"{FAMILY.name}:{spec.model}", "has no feature maps that timm can reach")
    features, maps = _intermediates(model)(probe)
    if not all(isinstance(part, torch.Tensor) for part in (features, *maps)):
        raise no_tokens(f"{FAMILY.name}:{spec.model}", "works at several resolutions side by side")
    rows, columns = maps[-1].shape[2:]
    prefix = features.shape[1] - rows * columns
    flat = features.ndim == 3 and all(part.shape[2:] == maps[-1].shape[2:] for part in maps)
    if flat and prefix >= 0:
        return Reading(("norm",), (rows, columns), prefix, _of_tokens(model))
    return Reading(_modules(model, len(maps)), (rows, columns), 0, _of_maps(model))


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
