"""Which device models run on, encoders and what is trained alike, and where half precision pays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from featurizer.errors import InputError

if TYPE_CHECKING:
    import torch


def resolve_device(name: str) -> str:
    """Turn `auto`, `cpu`, `cuda`, `cuda:1` or `mps` into a torch device that is there.

    `auto` takes the first of cuda, mps and cpu.

    Raises:
        InputError: no such device, or it is not available here.
    """
    if name == "cpu":
        return name
    if name == "auto":
        return _best()
    if name == "mps":
        return _mps()
    match = re.fullmatch(r"cuda(?::(\d+))?", name)
    if match is None:
        raise InputError(f"unknown device '{name}'; expected auto, cpu, cuda, cuda:N or mps")
    return _cuda(int(match[1] or 0))


def training_device(name: str) -> str:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device to train on; `auto` takes CUDA before the CPU.

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
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported()
    return kind == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def _best() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda:0"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _mps() -> str:
    import torch

    if not torch.backends.mps.is_available():
        raise InputError(
            "device mps was asked for, but it needs macOS on Apple silicon; use --device auto or cpu"
        )
    return "mps"


def _cuda(index: int) -> str:
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            "a cuda device was asked for, but torch finds no NVIDIA driver and GPU; use --device auto or cpu"
        )
    count = torch.cuda.device_count()
    if index >= count:
        raise InputError(f"device cuda:{index} was asked for, but there are {count} (counted from 0)")
    return f"cuda:{index}"
