"""The command `score-features`: feature sets and interactions become a leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from featurizer.config import Flag
from featurizer.errors import InputError, UnknownName
from featurizer.operations.feature_sets import check_device
from featurizer.operations.operation import (
    Argument,
    Completed,
    Context,
    FolderOperation,
    Folders,
    InteractionsPath,
    Kind,
    OptionGroup,
    Outcome,
    Reads,
    Some,
)
from featurizer.operations.text import table
from featurizer.operations.validation import overridden
from featurizer.recsys.options import MIN_COVERAGE
from featurizer.results.names import SCORES
from featurizer.scoring.memory import MEMORY

if TYPE_CHECKING:
    from featurizer.config import Config
    from featurizer.records import Json
    from featurizer.scoring.board import Leaderboard
    from featurizer.scoring.evaluation_data import EvaluationData
    from featurizer.scoring.score import ScoreStage
    from featurizer.scoring.spaces import Candidate

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
SIDES = ("image", "text")


def _downstream() -> dict[str, type[Config]]:
    from featurizer.scoring.downstream_options import DownstreamOptions

    return {"downstream": DownstreamOptions}


def _today(transforms: tuple[str, ...]) -> tuple[str, ...]:
    """Call the centered geometry by the name it has today; two that are the same stand once."""
    return tuple(dict.fromkeys("auto" if name == "center" else name for name in transforms))


class ScoreFeatures(FolderOperation["Leaderboard"]):
    """Score feature sets for recommendation: one leaderboard, with intervals and paired tests.

    Sets with different items are compared on those they share.

    Example: featurizer score-features ./clip ./dinov2 --interactions ./catalog/interactions.parquet --out ./scores
    """

    makes: ClassVar[Mapping[Kind, str]] = {"scores": SCORES}
    addresses: ClassVar[frozenset[str]] = frozenset({"features", "interactions"})
    indifferent: ClassVar[frozenset[str]] = frozenset({"memory", "device"})

    features: Annotated[Folders, Argument("FEATURES..."), Field(min_length=1), Reads(("features",))]
    """Feature set folders."""
    interactions: Annotated[InteractionsPath, Flag("-i"), Reads(("interactions",))]
    """Split interactions: .parquet, .csv, .tsv or .inter."""
    item_map: Annotated[Path | None, Reads(())] = None
    """CSV or TSV with asin and itemID, when the interactions number the items."""
    spaces: Annotated[tuple[str, ...], Flag("--space")] = ()
    """A space; a+b joins two.  [default: all, and each image+text pair]"""
    metrics: Annotated[tuple[str, ...], Field(min_length=1), Completed("scorer", told=True, commas=True)] = (
        "zero-shot",
        "item-cf",
    )
    """Scorers, your own too."""
    transforms: Annotated[
        tuple[Literal["auto", "none", "center", "whiten"], ...],
        Field(min_length=1),
        Flag("--transform"),
        AfterValidator(_today),
    ] = ("auto",)
    """Geometry: auto centers each space, none leaves it as stored; several side by side."""
    fusion: Literal["equal", "auto"] = "equal"
    """Weights of joined spaces: equal, or chosen on held-out items of train (auto), with half-whitening."""
    refit: bool = True
    """For cold items, learn a space that their interactions taught again without them, every choice included."""
    k: Annotated[tuple[Count, ...], Field(min_length=1), Flag("--k", "-k")] = (10, 20)
    """Lengths of the lists."""
    neighbors: Annotated[tuple[Count, ...], Field(min_length=1)] = (10, 20, 50)
    """Of item-CF."""
    ratios: Annotated[tuple[Share, ...], Field(min_length=1)] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the items that lose the modality, for mask-modality."""
    masked_image: Annotated[Folders, Reads(("features",))] = ()
    """The set encoded without pictures, for spaces of both modalities."""
    masked_text: Annotated[Folders, Reads(("features",))] = ()
    """The set encoded without texts, likewise."""
    masked_sets: Annotated[tuple[str, ...], Flag("--masked", hidden=True)] = ()
    """image=DIR or text=DIR, as these two were given before."""
    downstream: Annotated[Some, OptionGroup(_downstream)] = Field(default_factory=dict)
    """How `downstream` trains: model, epochs, seeds, trials, masked."""
    splits: Annotated[tuple[Literal["valid", "test"], ...], Field(min_length=1), Flag("--split")] = (
        "valid",
        "test",
    )
    """Whose positives are ranked for."""
    users: Count | None = None
    """Rank for so many users at most, drawn by --seed."""
    min_coverage: Share = MIN_COVERAGE
    """Least share of train pairs whose items every set has."""
    seed: int = 0
    """Of everything drawn."""
    memory: str = MEMORY
    """What a block of scores may take."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:I."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads that compute on the CPU; the bits of a result depend on how many.  [default: one a core]"""
    attach: bool = False
    """Write each feature set's scores into it and its card."""

    @model_validator(mode="before")
    @classmethod
    def _former(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a caller passes; validation is what follows
        """Put `masked_sets` into masked_image and masked_text."""
        if not isinstance(given, Mapping) or "masked_sets" not in given:
            return given
        rest = {name: value for name, value in given.items() if name != "masked_sets"}
        for text in given["masked_sets"]:
            side, _, folder = str(text).partition("=")
            if side not in SIDES or not folder:
                raise InputError(f"--masked {text}: expected image=DIR or text=DIR")
            rest[f"masked_{side}"] = (*rest.get(f"masked_{side}", ()), folder)
        return rest

    def precheck(self) -> None:
        """Refuse scorers and a device that are not there."""
        from featurizer import registry

        known = registry.names(registry.SCORERS)
        for name in self.metrics:
            if name not in known:
                raise UnknownName("scorer", name, known)
        check_device(self.device)

    def products(self) -> tuple[Path, ...]:
        """Return the scores, and where they are attached each set's own."""
        attached = self.features if self.attach else ()
        return tuple(folder / self.makes["scores"] for folder in (self.out, *attached))

    def writes(self) -> tuple[Path, ...]:
        """Return the folder of the scores, and the sets that they are attached to."""
        return (self.out, *(self.features if self.attach else ()))

    def settled(self) -> dict[str, Json]:
        """Return how `downstream` trains."""
        from featurizer.scoring.downstream_options import DownstreamOptions

        return {"downstream": overridden(DownstreamOptions(), self.downstream).model_dump(mode="json")}

    def depends(self) -> dict[str, Json]:
        """Return the number of threads that downstream trainings depend on."""
        from featurizer.encoders.device import cpu_threads

        return {"threads": cpu_threads(self.threads) if "downstream" in self.metrics else None}

    def runs_model(self) -> bool:
        """Say whether recommenders are trained."""
        return "downstream" in self.metrics

    def make(self, context: Context) -> Leaderboard:
        """Score, and write each set's scores into it where that is asked for."""
        from featurizer.release.recard import recard, unsigned
        from featurizer.scoring.board import Leaderboard
        from featurizer.scoring.document import attach
        from featurizer.scoring.score import score

        stage, evaluation = self._read()
        for line in _said(evaluation, [one.features.rows for one in stage.candidates], self.users):
            context.say(line)
        found = score(replace(stage, options=replace(stage.options, report=context.report)), evaluation)
        for candidate in stage.candidates if self.attach else ():
            attach(found, candidate.label, candidate.features.folder)
            recard(candidate.features.folder)
            for line in unsigned(candidate.features.folder):
                context.say(line)
        return Leaderboard(self.out, found)

    def _read(self) -> tuple[ScoreStage, EvaluationData]:
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
        evaluation = evaluation_data(read_split(self.interactions, item_map=self.item_map), shared, asked)
        inputs: dict[str, Json] = {
            "interactions": file_sha256(self.interactions),
            "item_map": file_sha256(self.item_map) if self.item_map else None,
            "splits": list(self.splits),
            "users": self.users,
        }
        return self._stage(candidates, masks, inputs), evaluation

    def _stage(
        self,
        candidates: Sequence[Candidate],
        masks: Mapping[str, Sequence[Candidate]],
        inputs: Mapping[str, Json],
    ) -> ScoreStage:
        from featurizer.encoders.device import halves_pay, training_device
        from featurizer.scoring.downstream_options import DownstreamOptions
        from featurizer.scoring.memory import parse_memory
        from featurizer.scoring.score import ScoreStage
        from featurizer.scoring.scorer import ScoreOptions

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
            threads=self.threads,
            refit=self.refit,
        )
        return ScoreStage(
            self.out,
            candidates,
            self.spaces,
            tuple(name for name in self.transforms if name != "center"),
            self.metrics,
            options,
            inputs,
            masks,
            self.overwrite,
            self.fusion,
        )

    def open(self) -> Leaderboard:
        """Return the scores."""
        from featurizer.scoring.board import Leaderboard

        return Leaderboard.open(self.out)

    def outcome(self, value: Leaderboard) -> Outcome[Leaderboard]:
        """Lay the leaderboard out, and name the best."""
        from featurizer.scoring.leaderboard import steps
        from featurizer.scoring.verdict import verdicts

        board, scores = value.table, value.scores
        best, told = board.rows[0], steps(board, scores.comparisons, scores.references)
        summary = f"{len(board.rows)} rows"
        if board.ranks:
            summary += f"; best on {board.split}: {best[0]} {best[1]}, {board.header[3]} {best[3]}"
        means = "" if not board.ranks else f"on {board.split}, ± half of the 95 % interval over users; "
        rest = "everything else stands" if board.columns else "the figures stand"
        use = "\n".join(["\n", *verdicts(scores)]) if board.ranks else ""
        shown = table(*board.shown) + use
        return Outcome(
            value,
            summary,
            "\n".join([shown, *(["", *told] if told else [])]),
            {name: entry for name, entry in value.document.items() if name != "config"},
            (self.out / self.makes["scores"],),
            shown,
            advice=(f"{means}{rest} in {self.out / SCORES}",),
        )


def _said(evaluation: EvaluationData, rows: list[int], drawn: int | None) -> list[str]:
    """Say what is compared, and what is left out."""
    counts, told = evaluation.counts, []
    if len(set(rows)) > 1 or rows[0] != len(evaluation.item_ids):
        sizes = ", ".join(f"{row:,}" for row in rows)
        told.append(
            f"the feature sets hold {sizes} items; compared on the {len(evaluation.item_ids):,} that all have"
        )
    told.append(
        f"{counts['users']:,} users, {counts['items']:,} items ({counts['cold_items']:,} of them in no train pair), "
        f"{counts['train']:,} train pairs; every set covers {counts['train_coverage']:.1%} of the train pairs"
    )
    if drawn is not None:
        shown = ", ".join(f"{len(users):,} in {name}" for name, users in evaluation.ranked.items())
        told.append(f"--users {drawn}: ranked for {shown}")
    if counts["pairs_left_out"]:
        told.append(
            f"{counts['pairs_left_out']:,} pairs are of items that not every feature set has, and are left out"
        )
    if counts["users_without_train_items"]:
        told.append(
            f"{counts['users_without_train_items']:,} users have no train items and are not ranked for"
        )
    found = {split: counts[f"{split}_pairs_in_train"] for split in evaluation.ranked}
    told += [
        f"{pairs:,} {split} pairs are train pairs too and can never be found"
        for split, pairs in found.items()
        if pairs
    ]
    return told
