"""Whom a training run tells how it goes, and where it leaves what it can go on from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.training.checkpoint import CheckpointFile

Clock: TypeAlias = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a run calls on its way; all optional.

    Attributes:
        report: told how far it is.
        on_epoch: given every epoch's record, those before a resume included.
        checkpoint: the file to resume from and to write to.
        clock: seconds, for the durations in the records.
    """

    report: Report = silent
    on_epoch: Callable[[dict[str, Json]], None] = lambda _: None
    checkpoint: CheckpointFile | None = None
    clock: Clock = time.perf_counter
