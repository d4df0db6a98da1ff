"""Which device models run on, on how many threads, and where half precision pays; for encoders and what is trained."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def computing_threads(threads: int | None, device: str = "cpu") -> Iterator[None]:
    """Let torch compute on so many threads while the block runs, whatever OMP_NUM_THREADS says.

    A sum that is shared out among threads is rounded at other places when there are more of them: the same
    input gives the same bits only under the same number.

    Args:
        threads: as `cpu_threads` takes it.
        device: where the models compute. With a GPU there is one thread where none are asked for: what is left to do
            here is little, and threads that wait for it would hold up those who decode.

    Raises:
        InputError: fewer than one.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if threads is None and device != "cpu" else cpu_threads(threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def recorded_threads(threads: int | None, device: str) -> int | None:
    """Return the number of threads that tells a result from others: part of its fingerprint.

    None where the models do not run on the CPU, so that a run goes on on a machine with other cores.

    Raises:
        InputError: fewer than one.
    """
    count = cpu_threads(threads)
    return count if device == "cpu" else None


def cpu_threads(threads: int | None) -> int:
    """Return `threads`; for None as many as there are cores that this process may use.

    The processes that torchrun starts on one machine share its cores.

    Raises:
        InputError: fewer than one.
    """
    if threads is None:
        return max(1, _cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    if threads < 1:
        raise InputError(f"{threads} threads; expected at least 1, or none given for one a core")
    return threads


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
