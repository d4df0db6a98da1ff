"""The first numbers of a vector alone: what models trained for it (Matryoshka) keep of it in less room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from featurizer.encoders.base import Vectors
from featurizer.encoders.loaded import LoadedEncoder
from featurizer.encoders.starting import start_encoding
from featurizer.errors import InputError


def truncated(encoder: LoadedEncoder[Any, Any], dim: int) -> LoadedEncoder[Any, Any]:
    """Return the encoder of the first numbers, given length 1 again where the model's own pipeline ends in that.

    Args:
        encoder: of whole vectors.
        dim: how many numbers are kept.

    Raises:
        InputError: its vectors have no more.
    """
    spec = encoder.spec
    if dim >= spec.dim:
        raise InputError(
            f"truncate_dim is {dim}, and the vectors of {spec.family}:{spec.model} ({spec.space}) have {spec.dim} "
            "numbers; expected fewer, or leave it out"
        )

    def start(prepared: Sequence[Any]) -> Callable[[], Vectors]:
        wait = start_encoding(encoder, prepared)
        return lambda: _first(wait(), dim, normalized=spec.normalized)

    return replace(
        encoder,
        spec=replace(spec, dim=dim, preprocessing={**spec.preprocessing, "truncated_from": spec.dim}),
        encode=lambda prepared: start(prepared)(),
        start=start,
    )


def _first(vectors: Vectors, dim: int, *, normalized: bool) -> Vectors:
    """Return the (b, dim) first numbers of (b, more); a vector that has none of length there stays one of zeros."""
    kept = np.ascontiguousarray(vectors[:, :dim])
    if not normalized:
        return kept
    with np.errstate(invalid="ignore"):
        lengths = np.linalg.norm(kept.astype(np.float64), axis=1, keepdims=True)
        return (kept / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
