"""The processes that train together: one alone, or those that torchrun starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from featurizer.errors import InputError


@dataclass(frozen=True, slots=True)
class DistributedContext:
    """This process among `size`.

    Attributes:
        rank: from 0; the first one writes files and reports.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """True for the process that writes."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """Return this process's part of a batch that all of them see."""
        each = batch // self.size
        return slice(self.rank * each, batch if self.rank == self.size - 1 else (self.rank + 1) * each)

    def sum_(self, tensors: Iterable[torch.Tensor]) -> None:
        """Add tensors over all processes, in place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)

    def total(self, numbers: Mapping[str, float], device: str) -> dict[str, float]:
        """Return named numbers added over all processes; `device` is that of the process group."""
        if self.size == 1:
            return dict(numbers)
        summed = torch.tensor(list(numbers.values()), dtype=torch.float64, device=device)
        distributed.all_reduce(summed)
        return dict(zip(numbers, summed.tolist(), strict=True))

    def copy_first_(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give every process the first one's values, in place."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier()


def local_device(device: str) -> str:
    """Return the device of this process: of several on one machine, each takes a GPU of its own.

    Raises:
        InputError: there are fewer GPUs than processes.
    """
    if not device.startswith("cuda") or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return device
    rank, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if rank >= count:
        raise InputError(
            f"torchrun started process {rank} (counted from 0) of this machine, but it has {count} GPUs; expected a "
            f"GPU a process. Pass --nproc-per-node {count}, or --device cpu."
        )
    return f"cuda:{rank}"


@contextmanager
def distributed_context(device: str) -> Iterator[DistributedContext]:
    """Join the processes of this run: gloo on the CPU, NCCL on CUDA; alone unless torchrun started it."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield DistributedContext()
        return
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield DistributedContext(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
