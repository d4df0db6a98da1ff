"""The stage: feature sets and interactions become `scores.json`."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import featurizer
from featurizer.encoders.device import recorded_threads
from featurizer.errors import InputError
from featurizer.progress import Progress
from featurizer.records import Json
from featurizer.results.files import fingerprint
from featurizer.results.names import SCORES
from featurizer.results.spelling import read_manifest
from featurizer.results.stage import Stage
from featurizer.scoring.baselines import popularity_baseline, random_baseline
from featurizer.scoring.cold import NAME as COLD
from featurizer.scoring.cold import random_cold_baseline
from featurizer.scoring.document import BASELINE, Entry
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.masks import write_masks
from featurizer.scoring.scorer import ScoreOptions, Scorer, load_scorer
from featurizer.scoring.spaces import Candidate, check_asked, check_masked, read_space, space_names
from featurizer.scoring.summary import SUFFIX, SpaceResult, cache_result, compare, judge, read_cached
from featurizer.scoring.transform import TransformName

FORMAT_VERSION = 1
WORK = ".work"
MASKS = "masks.parquet"
"""In which order the items lose a modality."""
MASKING = "mask-modality"
DOWNSTREAM = "downstream"
DEFINITIONS: Mapping[str, Json] = {
    "zero_shot": "cos(mean of the user's L2-normalized train vectors, item); ours, the authors of AlignRec do "
    "not publish theirs",
    "item_cf": "sum over train items j of cos(j, i) where i is among the k nearest of j; ours",
    "candidates": "all shared items but the user's train items; valid items stay candidates at test",
    "positives": "the split's items",
    "cold": "a fifth of the items, by the seed, loses all interactions before anything is learned; cos(mean of the "
    "user's warm train vectors, cold item), the cold items among themselves, or among all items (cold_in_all)",
    "ties": "scores within 1e-9 are equal and rank in the order of the items; items without a vector rank last",
    "interval": "95 % percentile bootstrap over users, 1000 resamples",
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
            "metrics": list(self.metrics),
            "k": list(self.options.ks),
            "neighbors": list(self.options.neighbors),
            "ratios": list(self.options.ratios),
            "downstream": self.options.downstream.model_dump(),
            "threads": self._training_threads(),
            "seed": self.options.seed,
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
    baselines = list(_baselines(stage.options, evaluation, stage.metrics))
    opened.finish(
        {
            "format_version": FORMAT_VERSION,
            "featurizer_version": featurizer.__version__,
            "definitions": dict(DEFINITIONS),
            "counts": dict(evaluation.counts),
            "scores": [dict(asdict(row)) for one in (*results, *baselines) for row in one.rows],
            "comparisons": [dict(asdict(one)) for one in compare(results, stage.options.seed)],
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
    todo = list(itertools.product(names, stage.transforms))
    for done, ((candidate, name), transform) in enumerate(todo):
        stage.options.report(Progress("score", done, len(todo), unit="spaces"))
        entry = Entry(candidate.label, name, transform)
        mark = stage.out / WORK / f"{fingerprint(asdict(entry))[:16]}{SUFFIX}"
        result = read_cached(mark)
        if result is None:
            space = read_space(candidate, name, transform, stage.masks)
            options = replace(stage.options, work=mark.with_suffix(""))
            measures = [
                measure for scorer in scorers.values() for measure in scorer(space, evaluation, options)
            ]
            result = judge(entry, measures, options.ks[-1], options.seed)
            cache_result(result, mark)
        yield result
    stage.options.report(Progress("score", len(todo), len(todo), unit="spaces"))


def _baselines(
    options: ScoreOptions, evaluation: EvaluationData, metrics: Sequence[str]
) -> Iterator[SpaceResult]:
    cold = random_cold_baseline(evaluation, options) if COLD in metrics else ()
    for name, measures in (
        ("popularity", popularity_baseline(evaluation, options)),
        ("random", [*random_baseline(evaluation, options), *cold]),
    ):
        yield judge(Entry(BASELINE, name, "auto"), measures, options.ks[-1], options.seed)
