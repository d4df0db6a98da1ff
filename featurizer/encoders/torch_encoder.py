"""An encoder put together from two functions: what every family that runs on torch returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch

from featurizer.encoders.base import EncoderSpec, InputT, PreparedT, TextLoss, Vectors
from featurizer.encoders.loaded import LoadedEncoder
from featurizer.encoders.pixels import Normalization
from featurizer.encoders.placement import Placement
from featurizer.errors import ShapeMismatch

ItemT = TypeVar("ItemT")
OutputT = TypeVar("OutputT")


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

    def start(prepared: Sequence[PreparedT]) -> Callable[[], Vectors]:
        expected = (len(prepared), spec.dim)
        if not prepared:
            return lambda: np.empty(expected, np.float32)
        with torch.inference_mode():
            vectors = forward(prepared)
            if tuple(vectors.shape) != expected:
                raise ShapeMismatch(
                    f"{spec.space}: {spec.family} model {spec.model} returned vectors of shape "
                    f"{tuple(vectors.shape)}, its specification says {expected}; choose another pooling or model."
                )
            return _fetched(vectors.float())

    def encode(prepared: Sequence[PreparedT]) -> Vectors:
        return start(prepared)()

    return LoadedEncoder(spec, prepare, encode, losses, start)


def _fetched(vectors: torch.Tensor) -> Callable[[], Vectors]:
    """Let a GPU send vectors once it has them, and return what waits for them."""
    if not vectors.is_cuda:
        found: Vectors = vectors.cpu().contiguous().numpy()
        return lambda: found
    host = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True)
    host.copy_(vectors, non_blocking=True)
    sent = torch.cuda.Event(blocking=True)  # who waits sleeps, and leaves its core to those who decode
    sent.record(torch.cuda.current_stream(vectors.device))

    def wait() -> Vectors:
        sent.synchronize()
        return np.array(host.numpy())

    return wait


def as_given(item: ItemT) -> ItemT:
    """Prepare an item by leaving it alone: tokenizers pad a batch together, so they run in `encode`."""
    return item


def stacked(
    encode: Callable[[torch.Tensor], OutputT], place: Placement, normalize: Normalization | None = None
) -> Callable[[Sequence[torch.Tensor]], OutputT]:
    """Let a model's function over (b, 3, height, width) run over b prepared pictures.

    Args:
        encode: the function.
        place: where it computes, in what numbers.
        normalize: what is done first, there, to pictures of uint8; others are as the model takes them.
    """
    move = _to_cuda(place.device) if place.on_cuda else torch.stack
    finish = None if normalize is None else normalize.on(place.device)

    def forward(pictures: Sequence[torch.Tensor]) -> OutputT:
        batch = move(list(pictures))
        if finish is not None and batch.dtype == torch.uint8:
            batch = finish(batch)
        return encode(batch.to(place.device, place.torch_dtype, memory_format=place.torch_format))

    return forward


def _to_cuda(device: str) -> Callable[[list[torch.Tensor]], torch.Tensor]:
    """Return what copies pictures to a GPU while that computes: through pinned memory, on a stream of its own.

    torch keeps pinned memory that was freed, and gives it out again once the copy from it is done: two buffers take
    turns.
    """
    copies = torch.cuda.Stream(device)

    def move(pictures: list[torch.Tensor]) -> torch.Tensor:
        first = pictures[0]
        pinned = torch.empty((len(pictures), *first.shape), dtype=first.dtype, pin_memory=True)
        torch.stack(pictures, out=pinned)
        with torch.cuda.stream(copies):
            batch = pinned.to(device, non_blocking=True)
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(copies)
        batch.record_stream(computing)
        return batch

    return move
