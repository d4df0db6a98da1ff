"""The stage: feature sets and interactions become `scores.json`."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import featurizer
from featurizer.encoders.device import recorded_threads
from featurizer.errors import InputError
from featurizer.progress import Progress
from featurizer.ranking.bootstrap import FEW
from featurizer.records import Json
from featurizer.results.files import fingerprint
from featurizer.results.names import SCORES
from featurizer.results.spelling import read_manifest
from featurizer.results.stage import Stage
from featurizer.scoring.baselines import popularity_baseline, random_baseline
from featurizer.scoring.cold import NAME as COLD
from featurizer.scoring.cold import controls, random_cold_baseline
from featurizer.scoring.document import BASELINE, Entry
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.masks import write_masks
from featurizer.scoring.measures import PerUser
from featurizer.scoring.scorer import ScoreOptions, Scorer, load_scorer
from featurizer.scoring.spaces import (
    Candidate,
    ScoredSpace,
    check_asked,
    check_masked,
    fused,
    read_space,
    references,
    space_names,
)
from featurizer.scoring.summary import SUFFIX, SpaceResult, cache_result, compare, judge, read_cached
from featurizer.scoring.taught import origin
from featurizer.scoring.transform import TransformName

FORMAT_VERSION = 1
Fusion: TypeAlias = Literal["equal", "auto"]
"""How the parts of a join are weighted."""
WORK = ".work"
MASKS = "masks.parquet"
"""In which order the items lose a modality."""
MASKING = "mask-modality"
DOWNSTREAM = "downstream"
COMPARED = ("zero-shot", "item-cf", COLD)
"""Metrics that the references are scored by, where they are not asked for themselves."""
DEFINITIONS: Mapping[str, Json] = {
    "zero_shot": "cos(mean of the user's L2-normalized train vectors, item); ours, the authors of AlignRec do "
    "not publish theirs",
    "item_cf": "sum over train items j of cos(j, i) where i is among the k nearest of j; ours",
    "candidates": "all shared items but the user's train items; valid items stay candidates at test",
    "positives": "the split's items",
    "cold": "a fifth of the items, by the seed, loses all interactions before anything is learned; cos(mean of the "
    "user's warm train vectors, cold item), the cold items among themselves, or among all items (cold_in_all)",
    "ties": "scores within 1e-9 are equal and rank in the order of the items; items without a vector rank last",
    "references": "the single spaces of one modality and their centered joins: rows that every leaderboard shows",
    "controls": "noise: random content of the same shape; shuffled: the content in another order than the items; what "
    "interactions taught is learned again from it",
    "fusion": "weights and half-whitening of a join, chosen by Recall@k of held-out items inside the train rows; "
    "for cold items again, without their interactions",
    "interval": f"95 % over users: percentile bootstrap, 1000 resamples; below {FEW} users the wider of "
    "Student's t and BCa",
    "p_value": "paired t-test over users, two-sided; p_holm adjusts it for all pairs of a metric (Holm)",
}


@dataclass(frozen=True, slots=True)
class ScoreStage:
    """What is scored and where it goes.

    Attributes:
        out: the folder: `scores.json`.
        candidates: the feature sets, on the items they share.
        spaces: which spaces; none for all, and each pair of an image and a text space.
        transforms: each space is scored under each of them.
        metrics: names of scorers.
        options: what all scorers share.
        fusion: `auto` to choose how joined spaces are weighted, for every join alike.
        inputs: fingerprints of what was read, and how; part of the configuration.
        masks: of each modality, the sets that were encoded without it.
        overwrite: replace another configuration's result.
    """

    out: Path
    candidates: Sequence[Candidate]
    spaces: Sequence[str]
    transforms: Sequence[TransformName]
    metrics: Sequence[str]
    options: ScoreOptions
    inputs: Mapping[str, Json]
    masks: Mapping[str, Sequence[Candidate]] = field(default_factory=dict)
    overwrite: bool = False
    fusion: Fusion = "equal"

    @property
    def stage(self) -> Stage:
        """The stage, whose manifest is `scores.json` itself."""
        config: dict[str, Json] = {
            "feature_sets": {one.label: one.features.manifest.fingerprint for one in self.candidates},
            "masked": {
                modality: [one.features.manifest.fingerprint for one in sets]
                for modality, sets in self.masks.items()
            },
            "spaces": list(self.spaces),
            "transforms": list(self.transforms),
            "fusion": self.fusion,
            "metrics": list(self.metrics),
            "k": list(self.options.ks),
            "neighbors": list(self.options.neighbors),
            "ratios": list(self.options.ratios),
            "downstream": self.options.downstream.model_dump(),
            "threads": self._training_threads(),
            "seed": self.options.seed,
            **({} if self.options.refit else {"refit": False}),
            "inputs": dict(self.inputs),
        }
        return Stage(self.out, SCORES, config, (WORK, MASKS))

    def _training_threads(self) -> int | None:
        """How many threads recommenders are trained on; None where none are, or not on the CPU."""
        options = self.options
        if DOWNSTREAM not in self.metrics and not (options.downstream.masked and MASKING in self.metrics):
            return None
        return recorded_threads(options.threads, options.device)


def score(stage: ScoreStage, evaluation: EvaluationData) -> dict[str, Json]:
    """Score every space of every feature set and compare them.

    Returns:
        What `scores.json` holds: scores, comparisons, definitions, counts.

    Raises:
        StaleOutput: the folder holds another configuration's result.
        InputError: a space cannot be scored, or nothing is to be.
    """
    if not stage.metrics:
        raise InputError("no metric is asked for; expected one or more, such as zero-shot,item-cf")
    scorers = {name: load_scorer(name) for name in stage.metrics}
    check_asked(stage.candidates, stage.spaces)
    names = [
        (candidate, name) for candidate in stage.candidates for name in space_names(candidate, stage.spaces)
    ]
    for candidate, name in names if MASKING in stage.metrics else ():
        check_masked(candidate, name, stage.masks)
    opened = stage.stage
    if opened.claim(overwrite=stage.overwrite):
        return read_manifest(opened.folder / SCORES)
    if MASKING in stage.metrics:
        write_masks(stage.out / MASKS, evaluation.item_ids, stage.options.seed)
    results = list(_results(stage, names, scorers, evaluation))
    baselines = list(_baselines(stage, names, evaluation))
    opened.finish(
        {
            "format_version": FORMAT_VERSION,
            "featurizer_version": featurizer.__version__,
            "definitions": dict(DEFINITIONS),
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "counts": dict(evaluation.counts),
            "scores": [dict(asdict(row)) for one in (*results, *baselines) for row in one.rows],
            "comparisons": [dict(asdict(one)) for one in compare(results, stage.options.seed)],
            "fusion": _fusions(results),
            "references": [dict(asdict(entry)) for entry in _references(stage)],
            "origins": {one.label: _origins(one, stage.inputs) for one in stage.candidates},
        }
    )
    shutil.rmtree(opened.folder / WORK, ignore_errors=True)
    return read_manifest(opened.folder / SCORES)


def _results(
    stage: ScoreStage,
    names: list[tuple[Candidate, str]],
    scorers: Mapping[str, Scorer],
    evaluation: EvaluationData,
) -> Iterator[SpaceResult]:
    asked = [
        (candidate, name, transform, scorers)
        for (candidate, name), transform in itertools.product(names, stage.transforms)
    ]
    own = {(candidate.label, name, transform) for candidate, name, transform, _ in asked}
    beside = {name: scorer for name, scorer in scorers.items() if name in COMPARED}
    added: list[tuple[Candidate, str, TransformName, Mapping[str, Scorer]]] = [
        (candidate, name, "auto", beside)
        for candidate in (stage.candidates if beside else ())
        for name in references(candidate)
        if (candidate.label, name, "auto") not in own
    ]
    todo = [*asked, *added]
    for done, (candidate, name, transform, judges) in enumerate(todo):
        stage.options.report(Progress("score", done, len(todo), unit="spaces"))
        entry = Entry(candidate.label, name, transform)
        mark = stage.out / WORK / f"{fingerprint(asdict(entry))[:16]}{SUFFIX}"
        result = read_cached(mark)
        if result is None:
            space = read_space(candidate, name, transform, stage.masks)
            if stage.fusion == "auto" and transform == "auto":
                space = fused(space, evaluation.train, stage.options.seed)
            options = replace(stage.options, work=mark.with_suffix(""))
            measures = [
                measure for scorer in judges.values() for measure in scorer(space, evaluation, options)
            ]
            result = judge(entry, measures, options.ks[-1], options.seed)
            result.fusion = _fusion(space)
            cache_result(result, mark)
        yield result
    stage.options.report(Progress("score", len(todo), len(todo), unit="spaces"))


def _fusion(space: ScoredSpace) -> dict[str, Json] | None:
    """Return what was chosen of a join."""
    if space.fusion is None:
        return None
    basis = space.fusion.basis
    return {"weights": list(space.fusion.weights), "halved": None if basis is None else basis.shape[1]}


def _fusions(results: Sequence[SpaceResult]) -> dict[str, Json]:
    """Return what was chosen of each feature set's joins."""
    return {
        label: {
            one.entry.space: one.fusion for one in results if one.fusion and one.entry.feature_set == label
        }
        for label in dict.fromkeys(one.entry.feature_set for one in results if one.fusion)
    }


def _references(stage: ScoreStage) -> list[Entry]:
    """Return the rows that the leaderboard shows in any case."""
    return [Entry(one.label, name, "auto") for one in stage.candidates for name in references(one)]


def _origins(candidate: Candidate, inputs: Mapping[str, Json]) -> dict[str, Json]:
    spaces, read = candidate.features.spaces, inputs.get("interactions")
    return {name: origin(name, spaces, read if isinstance(read, str) else None) for name in spaces}


def _baselines(
    stage: ScoreStage, names: Sequence[tuple[Candidate, str]], evaluation: EvaluationData
) -> Iterator[SpaceResult]:
    options = stage.options
    cold = COLD in stage.metrics
    measures: dict[str, list[PerUser]] = {
        "popularity": list(popularity_baseline(evaluation, options)),
        "random": [
            *random_baseline(evaluation, options),
            *(random_cold_baseline(evaluation, options) if cold else ()),
        ],
    }
    if cold:
        measures |= dict(controls(_controlled(stage, names), evaluation, options))
    for name, found in measures.items():
        yield judge(Entry(BASELINE, name, "auto"), found, options.ks[-1], options.seed)


def _controlled(stage: ScoreStage, names: Sequence[tuple[Candidate, str]]) -> ScoredSpace:
    """Return the space whose content the controls replace: one that interactions taught, where there is one."""
    learned = [
        (candidate, name)
        for candidate, name in names
        if any(candidate.features.spaces[part].saw_interactions for part in name.split("+"))
    ]
    candidate, name = (learned or names)[0]
    return read_space(candidate, name, "auto", stage.masks)
