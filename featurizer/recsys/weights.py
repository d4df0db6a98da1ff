"""The first values of what a model learns, all drawn from one generator."""

from __future__ import annotations

from collections.abc import Mapping

import torch


def xavier_rows(rows: int, dim: int, generator: torch.Generator) -> torch.Tensor:
    """Return (rows, dim) weights, uniform within ±sqrt(6 / (rows + dim)) (Glorot and Bengio, 2010)."""
    bound = (6 / (rows + dim)) ** 0.5
    return (torch.rand(rows, dim, generator=generator) * 2 - 1) * bound


def id_table(users: int, items: int, dim: int, generator: torch.Generator) -> torch.Tensor:
    """Return the first (u + n, d) table of id vectors, users first, each side with its own Xavier bound."""
    return torch.cat([xavier_rows(users, dim, generator), xavier_rows(items, dim, generator)])


def linear(inputs: int, outputs: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a layer's first (inputs, outputs) weight and (outputs,) bias, uniform within ±1/sqrt(inputs)."""
    bound = inputs**-0.5
    weight = (torch.rand(inputs, outputs, generator=generator) * 2 - 1) * bound
    bias = (torch.rand(outputs, generator=generator) * 2 - 1) * bound
    return weight, bias


def learned(first: Mapping[str, torch.Tensor], device: torch.device | str) -> torch.nn.Module:
    """Return a module whose parameters start from the given values; `a.b` is the parameter b of its part a."""
    module = torch.nn.Module()
    for name, value in first.items():
        part, _, leaf = name.rpartition(".")
        if part and part not in dict(module.named_children()):
            module.add_module(part, torch.nn.Module())
        module.get_submodule(part).register_parameter(leaf, torch.nn.Parameter(value.to(device)))
    return module
