"""A picture's last steps, from bytes to normalized numbers, done on the GPU where that gives the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL.Image import Image, fromarray

from featurizer.encoders.placement import Placement

TOLERANCE = 1e-5
"""How far the two ways to a picture's numbers, which are about 1, may differ: a few roundings of float32."""


@dataclass(frozen=True, slots=True)
class Normalization:
    """`(x / 255 - mean) / std`, a channel each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def on(self, device: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the function from (b, channels, height, width) uint8 there to float32.

        Mean and std are sent once: a copy from ordinary memory would wait each time for what the GPU still computes.
        """
        mean, std = (torch.tensor(one, device=device)[:, None, None] for one in (self.mean, self.std))
        return lambda pixels: pixels.float().div_(255).sub_(mean).div_(std)


@dataclass(frozen=True, slots=True)
class Pixels:
    """How a picture becomes a model's input.

    Attributes:
        prepare: an RGB picture to its (channels, height, width) tensor, thread-safe.
        normalize: what is still to be done to uint8 pictures on the model's device; None where nothing is.
    """

    prepare: Callable[[Image], torch.Tensor]
    normalize: Normalization | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """torchvision's steps from a picture to a picture, and its bytes as (3, height, width) uint8."""

    steps: Sequence[Callable[[Any], Any]]

    def __call__(self, image: Image) -> torch.Tensor:
        """Return the picture's bytes."""
        for step in self.steps:
            image = step(image)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def composed_pixels(transform: Callable[[Image], torch.Tensor], place: Placement) -> Pixels:
    """Take what a library composed apart, for a GPU, where it ends in dividing by 255 and normalizing."""
    from torchvision.transforms import Normalize, ToTensor

    steps = list(getattr(transform, "transforms", ()))
    if len(steps) < 2 or not isinstance(steps[-2], ToTensor) or not isinstance(steps[-1], Normalize):
        return Pixels(transform)
    mean, std = (tuple(float(value) for value in one) for one in (steps[-1].mean, steps[-1].std))
    return fitting(transform, Composed(steps[:-2]), Normalization(mean, std), place)


def fitting(
    whole: Callable[[Image], torch.Tensor],
    raw: Callable[[Image], torch.Tensor],
    normalization: Normalization,
    place: Placement,
) -> Pixels:
    """Choose between a library's own preparation and bytes that are normalized on the GPU.

    A quarter of the bytes go to the GPU then, and the processor has less to do. It is done where a picture of random
    colors gives the same numbers both ways, to `TOLERANCE`.

    Args:
        whole: the library's preparation.
        raw: the same without its last two steps.
        normalization: these steps.
        place: where the model is; elsewhere than on a GPU nothing would be gained.
    """
    if not place.on_cuda:
        return Pixels(whole)
    picture = fromarray(np.random.default_rng(0).integers(0, 256, (71, 83, 3), np.uint8))
    expected, pixels = whole(picture), raw(picture)
    same = pixels.dtype == torch.uint8 and pixels.shape == expected.shape
    if not same or not torch.allclose(
        normalization.on("cpu")(pixels[None])[0], expected, rtol=0, atol=TOLERANCE
    ):
        return Pixels(whole)
    return Pixels(raw, normalization)
