"""Which device the models run on."""

from __future__ import annotations

import re

from featurizer.errors import InputError


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
