"""An encoder put together from two functions: what every family that runs on torch returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from featurizer.encoders.base import Dtype, EncoderSpec, InputT, PreparedT, TextLoss, Vectors
from featurizer.encoders.loaded import LoadedEncoder
from featurizer.errors import ShapeMismatch

OutputT = TypeVar("OutputT")

TORCH_DTYPES: dict[Dtype, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def torch_encoder(
    spec: EncoderSpec,
    prepare: Callable[[InputT], PreparedT],
    forward: Callable[[Sequence[PreparedT]], torch.Tensor],
    losses: Callable[[Sequence[str]], Sequence[TextLoss]] | None = None,
) -> LoadedEncoder[InputT, PreparedT]:
    """Put an encoder together from the two steps that a family supplies.

    Its `encode` raises ShapeMismatch where the model returns something else than its specification promises.

    Args:
        spec: what the vectors are.
        prepare: one item to the model's input, thread-safe.
        forward: b prepared items to a (b, dim) tensor on any device; never called with none.
        losses: texts to what the model does not read of them.
    """

    def encode(prepared: Sequence[PreparedT]) -> Vectors:
        expected = (len(prepared), spec.dim)
        if not prepared:
            return np.empty(expected, np.float32)
        with torch.inference_mode():
            vectors = forward(prepared)
        if tuple(vectors.shape) != expected:
            raise ShapeMismatch(
                f"{spec.space}: {spec.family} model {spec.model} returned vectors of shape "
                f"{tuple(vectors.shape)}, its specification says {expected}; choose another pooling or model."
            )
        found: Vectors = vectors.float().cpu().contiguous().numpy()
        return found

    return LoadedEncoder(spec, prepare, encode, losses)


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
