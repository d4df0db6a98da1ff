"""What is trained on what, and whom a run tells about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.ica.batch import TokenSource
from featurizer.ica.contrastive import ContrastiveTerms
from featurizer.ica.heads import Heads
from featurizer.ica.model import IcaModel
from featurizer.ica.options import IcaOptions
from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.training.distributed import DistributedContext


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """What is trained on what.

    Attributes:
        model: learns; left with the best weights.
        heads: learn with it.
        source: the items.
        encoder: the frozen text encoder.
        train: rows to learn from.
        valid: rows held out.
        options: how.
        extra: the optional terms; None for none.
        device: a torch device.
        fingerprint: of the run; a checkpoint of another is refused.
    """

    model: IcaModel
    heads: Heads
    source: TokenSource
    encoder: TextTokenEncoder
    train: Sequence[int]
    valid: Sequence[int]
    options: IcaOptions
    extra: ContrastiveTerms | None = None
    device: str = "cpu"
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a run calls, and where it leaves its checkpoint and a batch that broke it."""

    report: Report = silent
    on_epoch: Callable[[dict[str, Json]], None] = lambda _: None
    folder: Path | None = None
    world: DistributedContext = field(default_factory=DistributedContext)
