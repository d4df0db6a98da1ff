"""Where a training run stands, to the step: after a kill it goes on and ends with the same weights."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from pathlib import Path

import torch

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.files import atomic_path

CHECKPOINT = "checkpoint.pt"
FORMAT_VERSION = 1


@dataclass(slots=True)
class Checkpoint:
    """A run between two steps.

    Attributes:
        fingerprint: of the run's configuration and inputs.
        step: steps done.
        weights: parameters and buffers of model and heads as they stand.
        optimizer: AdamW's state.
        average: the averaged weights; empty without EMA.
        best: the weights at the lowest validation loss so far.
        best_loss: that loss.
        sums: what this epoch's losses sum to so far, over all processes, and over how many predictions.
        history: one record an epoch.
        seconds: spent in this epoch so far.
    """

    fingerprint: str
    step: int
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, object]
    average: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor]
    best_loss: float
    sums: dict[str, tuple[float, int]]
    history: list[dict[str, Json]]
    seconds: float


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    state = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    with atomic_path(path) as partial:
        torch.save({"format_version": FORMAT_VERSION, **state}, partial)


def load_checkpoint(path: Path, fingerprint: str) -> Checkpoint | None:
    """Read a checkpoint; None when there is none.

    Raises:
        InputError: it is damaged, or of another format or run.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        version = state.pop("format_version")
        checkpoint = Checkpoint(**state) if version == FORMAT_VERSION else None
    except (
        OSError,
        RuntimeError,
        pickle.UnpicklingError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise InputError(f"{path} is damaged ({error}); delete it to train from the start") from error
    if checkpoint is None:
        raise InputError(
            f"{path} has format {version}, this version reads {FORMAT_VERSION}; finish the run with the version that "
            "began it, or delete the file to train from the start"
        )
    if checkpoint.fingerprint != fingerprint:
        raise InputError(f"{path} is of another run; choose another --out, or pass --overwrite")
    return checkpoint
