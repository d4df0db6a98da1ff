"""An encoder put together from two functions: what every family that runs on torch returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch

from featurizer.encoders.base import Dtype, EncoderSpec, InputT, PreparedT, Vectors
from featurizer.errors import ShapeMismatch

OutputT = TypeVar("OutputT")

TORCH_DTYPES: dict[Dtype, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


@dataclass(frozen=True, slots=True)
class TorchEncoder(Generic[InputT, PreparedT]):
    """An `Encoder` whose two steps are functions that a family supplies.

    Attributes:
        spec: what the vectors are.
        prepare_one: one item to the model's input, thread-safe.
        forward: b prepared items to a (b, dim) tensor on any device; never called with none.
    """

    spec: EncoderSpec
    prepare_one: Callable[[InputT], PreparedT]
    forward: Callable[[Sequence[PreparedT]], torch.Tensor]

    def prepare(self, value: InputT, /) -> PreparedT:
        """Turn one item into the model's input; thread-safe."""
        return self.prepare_one(value)

    def encode(self, prepared: Sequence[PreparedT], /) -> Vectors:
        """Return the (b, dim) float32 vectors of b prepared items, in their order.

        Raises:
            ShapeMismatch: the model returned something else than its specification promises.
        """
        expected = (len(prepared), self.spec.dim)
        if not prepared:
            return np.empty(expected, np.float32)
        with torch.inference_mode():
            vectors = self.forward(prepared)
        if tuple(vectors.shape) != expected:
            raise ShapeMismatch(
                f"{self.spec.space}: {self.spec.family} model {self.spec.model} returned vectors of shape "
                f"{tuple(vectors.shape)}, its specification says {expected}; choose another pooling or model."
            )
        found: Vectors = vectors.float().cpu().contiguous().numpy()
        return found


def as_given(text: str) -> str:
    """Prepare a text by leaving it alone: tokenizers pad a batch together, so they run in `encode`."""
    return text


def stacked(
    encode: Callable[[torch.Tensor], OutputT], *, device: str, dtype: Dtype
) -> Callable[[Sequence[torch.Tensor]], OutputT]:
    """Let a model's function over (b, 3, height, width) run over b prepared pictures."""
    target = TORCH_DTYPES[dtype]

    def forward(pictures: Sequence[torch.Tensor]) -> OutputT:
        return encode(torch.stack(list(pictures)).to(device, target))

    return forward
