"""Where a training run stands: enough to go on after a kill and end with the same numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.files import atomic_path

MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run after some epoch.

    Attributes:
        parameters: as they stand.
        optimizer: Adam's state, `NAME.exp_avg` and so on.
        best: the parameters at the best validation epoch.
        history: one record an epoch so far.
    """

    parameters: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, torch.Tensor]
    best: Mapping[str, torch.Tensor]
    history: list[dict[str, Json]]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    groups = {"now": checkpoint.parameters, "adam": checkpoint.optimizer, "best": checkpoint.best}
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous().clone()
        for group, values in groups.items()
        for name, tensor in values.items()
    }
    with atomic_path(path) as partial:
        save_file(tensors, partial, metadata={"history": json.dumps(checkpoint.history)})


def load_checkpoint(path: Path) -> Checkpoint | None:
    """Read a checkpoint; None when there is none.

    Raises:
        InputError: the file is damaged.
    """
    if not path.exists():
        return None
    groups: dict[str, dict[str, torch.Tensor]] = {"now": {}, "adam": {}, "best": {}}
    try:
        with safe_open(path, framework="pt") as file:
            history = json.loads(file.metadata()["history"])
            for key in file.keys():  # noqa: SIM118 - safe_open is no mapping
                group, _, name = key.partition("/")
                groups[group][name] = file.get_tensor(key)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it to train from the start") from error
    return Checkpoint(groups["now"], groups["adam"], groups["best"], history)


def optimizer_state(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, torch.nn.Parameter]
) -> dict[str, torch.Tensor]:
    """Return Adam's state by parameter name."""
    return {
        f"{name}.{moment}": optimizer.state[parameter][moment]
        for name, parameter in parameters.items()
        if parameter in optimizer.state
        for moment in MOMENTS
    }


def restore(
    checkpoint: Checkpoint, optimizer: torch.optim.Optimizer, parameters: Mapping[str, torch.nn.Parameter]
) -> None:
    """Put parameters and Adam's state back."""
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(checkpoint.parameters[name])
            if f"{name}.step" in checkpoint.optimizer:
                state = {moment: checkpoint.optimizer[f"{name}.{moment}"].clone() for moment in MOMENTS}
                optimizer.state[parameter] = {key: value.to(parameter.device) for key, value in state.items()}
