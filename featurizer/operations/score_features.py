"""The step `score-features`: feature sets and interactions become a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work
from featurizer.operations.overrides import Some

if TYPE_CHECKING:
    from featurizer.records import Json
    from featurizer.scoring.evaluation_data import EvaluationData
    from featurizer.scoring.score import ScoreStage
    from featurizer.scoring.spaces import Candidate

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class ScoreFeatures(Work):
    """What `featurizer score-features` is told."""

    makes: ClassVar[Mapping[Kind, str]] = {"scores": "scores.json"}
    indifferent: ClassVar[frozenset[str]] = frozenset({"memory", "device"})

    features: Annotated[tuple[Path, ...], Field(min_length=1), Reads(("features",))]
    """The feature sets."""
    interactions: Annotated[Path, Reads(("interactions",))]
    """Split interactions."""
    item_map: Annotated[Path | None, Reads(())] = None
    """asin and itemID, when the interactions number the items."""
    spaces: tuple[str, ...] = ()
    """Which spaces, a+b for two joined; all, and each pair of picture and text, where not given."""
    metrics: Annotated[tuple[str, ...], Field(min_length=1)] = ("zero-shot", "item-cf")
    """Scorers, your own too."""
    transforms: tuple[Literal["none", "center", "whiten"], ...] = ("none",)
    """Geometries, reported side by side."""
    k: Annotated[tuple[Count, ...], Field(min_length=1)] = (10, 20)
    """Lengths of the lists."""
    neighbors: Annotated[tuple[Count, ...], Field(min_length=1)] = (10, 20, 50)
    """Of item-CF."""
    ratios: tuple[Share, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the items that lose a modality, for mask-modality."""
    masked_image: Annotated[tuple[Path, ...], Reads(("features",))] = ()
    """Sets encoded without pictures, for spaces of both modalities."""
    masked_text: Annotated[tuple[Path, ...], Reads(("features",))] = ()
    """Likewise without texts."""
    downstream: Some = Field(default_factory=dict)
    """How `downstream` trains: model, epochs, seeds, trials, masked."""
    splits: tuple[Literal["valid", "test"], ...] = ("valid", "test")
    """Whose positives are ranked for."""
    users: Count | None = None
    """Rank for so many users at most."""
    min_coverage: Share = 0.5
    """Least share of train pairs whose items every set has."""
    seed: int = 0
    """Of everything drawn."""
    memory: str = "1GiB"
    """What a block of scores may take."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:I."""
    attach: bool = False
    """Write each set's scores into it and its card."""

    def products(self, out: Path) -> tuple[Path, ...]:
        """Return the scores, and where they are attached each set's own."""
        attached = self.features if self.attach else ()
        return tuple(folder / self.makes["scores"] for folder in (out, *attached))

    def open(self, to: Target) -> tuple[ScoreStage, EvaluationData]:
        """Read the feature sets and the interactions; nothing is scored yet."""
        from featurizer.interactions.store import read_split
        from featurizer.results.files import file_sha256
        from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
        from featurizer.scoring.scorer import load_scorer
        from featurizer.scoring.spaces import open_candidates, open_masked

        for name in self.metrics:
            load_scorer(name)
        candidates, shared = open_candidates(self.features)
        given = {"image": self.masked_image, "text": self.masked_text}
        masks = {
            modality: [open_masked(folder, modality, shared) for folder in folders]
            for modality, folders in given.items()
            if folders
        }
        asked = EvaluationOptions(self.splits, self.min_coverage, self.users, self.seed)
        world = evaluation_data(read_split(self.interactions, item_map=self.item_map), shared, asked)
        inputs: dict[str, Json] = {
            "interactions": file_sha256(self.interactions),
            "item_map": file_sha256(self.item_map) if self.item_map else None,
            "splits": list(self.splits),
            "users": self.users,
        }
        return self._stage(to, candidates, masks, inputs), world

    def _stage(
        self,
        to: Target,
        candidates: Sequence[Candidate],
        masks: Mapping[str, Sequence[Candidate]],
        inputs: Mapping[str, Json],
    ) -> ScoreStage:
        from featurizer.encoders.device import halves_pay, training_device
        from featurizer.operations.overrides import overridden
        from featurizer.scoring.memory import parse_memory
        from featurizer.scoring.score import ScoreStage
        from featurizer.scoring.scorer import DownstreamOptions, ScoreOptions

        device = training_device(self.device)
        options = ScoreOptions(
            tuple(sorted(set(self.k))),
            tuple(sorted(set(self.neighbors))),
            self.seed,
            parse_memory(self.memory),
            device,
            halves_pay(device),
            tuple(sorted(set(self.ratios))),
            overridden(DownstreamOptions(), self.downstream),
            report=to.report,
        )
        return ScoreStage(
            to.out,
            candidates,
            self.spaces,
            self.transforms,
            self.metrics,
            options,
            inputs,
            masks,
            to.overwrite,
        )

    def make(self, stage: ScoreStage, world: EvaluationData) -> dict[str, Json]:
        """Score, and write each set's scores into it where that is asked for."""
        from featurizer.release.recard import recard
        from featurizer.scoring.attach import attach
        from featurizer.scoring.score import score

        found = score(stage, world)
        for candidate in stage.candidates if self.attach else ():
            attach(found, candidate.label, candidate.features.folder)
            recard(candidate.features.folder)
        return found

    def run(self, to: Target) -> Outcome:
        """Score, and name the best."""
        from featurizer.scoring.document import parse_scores
        from featurizer.scoring.leaderboard import leaderboard

        board = leaderboard(parse_scores(self.make(*self.open(to))).scores)
        best = board.rows[0]
        summary = f"{len(board.rows)} rows"
        if board.ranks:
            summary += f"; best on {board.split}: {best[0]} {best[1]}, {board.header[3]} {best[3]}"
        return Outcome(summary, (to.out / self.makes["scores"],))
