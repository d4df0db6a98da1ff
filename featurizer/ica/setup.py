"""What is trained on what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.ica.batch import TokenSource
from featurizer.ica.contrastive_terms import ContrastiveTerms
from featurizer.ica.heads import Heads
from featurizer.ica.model import IcaModel
from featurizer.ica.options import IcaOptions
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
        contrastive: the optional terms; None for none.
        device: a torch device.
        context: the processes that train together.
    """

    model: IcaModel
    heads: Heads
    source: TokenSource
    encoder: TextTokenEncoder
    train: Sequence[int]
    valid: Sequence[int]
    options: IcaOptions
    contrastive: ContrastiveTerms | None = None
    device: str = "cpu"
    context: DistributedContext = field(default_factory=DistributedContext)
