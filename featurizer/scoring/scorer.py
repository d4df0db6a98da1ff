"""What a scorer is: one function, offered under `featurizer.scorers`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from featurizer.progress import Report, silent
from featurizer.registry import SCORERS, load
from featurizer.scoring.downstream_options import DownstreamOptions
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import Measure
from featurizer.scoring.memory import MEMORY, parse_memory
from featurizer.scoring.spaces import ScoredSpace


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What all scorers share.

    Attributes:
        ks: lengths of the lists, increasing.
        neighbors: item-CF's, increasing.
        seed: of everything drawn.
        memory: bytes that a block of scores may take.
        device: where to multiply.
        halves: multiply in bfloat16 first, where that is faster; no figure depends on it.
        ratios: shares of the items that lose a modality, increasing.
        downstream: how recommenders are trained.
        work: folder for what a scorer keeps between runs.
        report: told how far it is.
        threads: that train recommenders on the CPU; None for one a core.
        refit: learn a space that cold items taught again without them; otherwise it is refused.
    """

    ks: tuple[int, ...] = (10, 20)
    neighbors: tuple[int, ...] = (10, 20, 50)
    seed: int = 0
    memory: int = parse_memory(MEMORY)
    device: str = "cpu"
    halves: bool = False
    ratios: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    downstream: DownstreamOptions = field(default_factory=DownstreamOptions)
    work: Path = field(default=Path(".work"))
    report: Report = silent
    threads: int | None = None
    refit: bool = True


class Scorer(Protocol):
    """Judges one space by itself; it is called once a space and transform."""

    def __call__(
        self, space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions, /
    ) -> Iterable[Measure]:
        """Yield figures; those a user are in the order of `evaluation.ranked[split]`.

        The same arguments give the same figures. An item without a vector (a zero row of `space.vectors`) is
        no reason for NaN.
        """
        ...


def load_scorer(name: str) -> Scorer:
    """Import a scorer by name, built in or of another package.

    Raises:
        UnknownName: no installed package offers it.
    """
    return cast(Scorer, load(SCORERS, name))
