"""Where a training run stands: enough to go on after a kill and end with the same weights."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import torch

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.files import atomic_path

FORMAT_VERSION = 2


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run between two steps.

    Attributes:
        weights: the `state_dict` of all that learns, as it stands.
        optimizer: the optimizer's `state_dict`.
        best: the weights at the best epoch so far; empty before there is one.
        history: one record an epoch.
        step: steps done, by a run that stops within epochs.
        average: the averaged weights; empty where none are kept.
        sums: what this epoch's losses sum to so far, and over how many predictions.
        seconds: spent in this epoch so far.
    """

    weights: Mapping[str, torch.Tensor]
    optimizer: dict[str, object]
    best: Mapping[str, torch.Tensor]
    history: list[dict[str, Json]]
    step: int = 0
    average: Mapping[str, torch.Tensor] = field(default_factory=dict)
    sums: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """The file that one run leaves its checkpoints in, and finds them again.

    Attributes:
        path: the file.
        fingerprint: of the run's configuration and inputs; a checkpoint of another run is refused.
    """

    path: Path
    fingerprint: str

    def save(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint in the place of the last, atomically."""
        state = {each.name: _plain(getattr(checkpoint, each.name)) for each in fields(checkpoint)}
        with atomic_path(self.path) as partial:
            torch.save({"format_version": FORMAT_VERSION, "fingerprint": self.fingerprint, **state}, partial)

    def load(self) -> Checkpoint | None:
        """Return the last checkpoint, its tensors on the CPU; None when there is none.

        Raises:
            InputError: it is damaged, or of another format or run.
        """
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            version, fingerprint = state.pop("format_version"), state.pop("fingerprint")
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
            raise InputError(
                f"{self.path} is damaged ({error}); delete it to train from the start"
            ) from error
        if checkpoint is None:
            raise InputError(
                f"{self.path} has format {version}, this version reads {FORMAT_VERSION}; finish the run with the "
                "version that began it, or delete the file to train from the start"
            )
        if fingerprint != self.fingerprint:
            raise InputError(f"{self.path} is of another run; choose another --out, or pass --overwrite")
        return checkpoint

    def remove(self) -> None:
        """Delete the file, if there is one."""
        self.path.unlink(missing_ok=True)


def _plain(value: object) -> object:
    # a `state_dict` is an ordered dict with a note on its modules, which a safe load takes only as a plain one
    return dict(value) if isinstance(value, Mapping) else value
