"""Where a model is trained, and where half precision pays there."""

from __future__ import annotations

import torch

from featurizer.encoders.device import resolve_device
from featurizer.errors import InputError


def training_device(name: str) -> str:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device that is there; `auto` takes CUDA before the CPU.

    Raises:
        InputError: no such device, it is not there, or the sparse products do not run on it.
    """
    found = resolve_device(name)
    if found != "mps":
        return found
    if name == "auto":
        return "cpu"
    raise InputError("device mps was asked for, and the sparse products do not run on it; use --device cpu")


def halves_pay(device: torch.device | str) -> bool:
    """Whether bfloat16 products are faster than float32 ones there: on CUDA, and where the CPU has them."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported()
    return kind == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
