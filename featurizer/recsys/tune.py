"""Search of hyper-parameters, by validation alone, resumable trial by trial."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from featurizer.encoders.device import computing_threads
from featurizer.errors import InputError
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.recsys.build import build
from featurizer.recsys.data import RecData
from featurizer.recsys.fit import SELECTION, fit
from featurizer.recsys.options import ModelName, ModelOptions, TrainOptions
from featurizer.results.files import atomic_path, fingerprint
from featurizer.results.stage import Stage
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.hooks import Hooks

Search: TypeAlias = Literal["grid", "random"]
Values: TypeAlias = Mapping[str, float]
Options = TypeVar("Options", ModelOptions, TrainOptions)

TUNE_MANIFEST = "tune.json"
TABLE = "trials.jsonl"
CHECKPOINT = "trial-{}.pt"
"""Of a trial that is not finished; named by its values alone, so a search owns those of the one it replaces."""

LEARNING_RATES = (5e-3, 3e-3, 2e-3, 1e-3, 5e-4)
L2_WEIGHTS = (1e-4, 1e-3, 1e-2, 3e-2, 0.1)

GRIDS: Mapping[ModelName, Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {
        "alignrec": {
            "learning_rate": (5e-3, 3e-3, 1e-3, 7e-4, 5e-4, 3e-4, 1e-4),
            "alpha": (1e-4, 1e-3, 5e-3, 1e-2, 0.1),
            "reg": (0.1, 0.2, 0.3, 0.4, 0.5),
        },
        "lightgcn": {"learning_rate": LEARNING_RATES, "l2": L2_WEIGHTS, "layers": (2, 3, 4)},
        "bpr": {"learning_rate": LEARNING_RATES, "l2": L2_WEIGHTS},
        "vbpr": {"learning_rate": LEARNING_RATES, "l2": L2_WEIGHTS},
        "freedom": {"learning_rate": LEARNING_RATES, "l2": L2_WEIGHTS},
    }
)
"""What a search chooses from; AlignRec's is the grid that its authors search."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of hyper-parameters and how it did on validation."""

    values: Values
    valid: float
    best_epoch: int


@dataclass(frozen=True, slots=True)
class TuneStage:
    """A search, and where its table goes.

    Attributes:
        out: holds `trials.jsonl` and, when all are done, `tune.json`.
        model: what every trial starts from.
        training: likewise; every trial runs under its seed, which also draws the points of a random search.
        grid: the values to choose from; see `GRIDS`.
        search: the whole grid, or points of it at random.
        trials: how many points a random search has.
        inputs: fingerprints of feature set and interactions; part of the configuration.
        overwrite: replace another search's result.
    """

    out: Path
    model: ModelOptions
    training: TrainOptions
    grid: Mapping[str, Sequence[float]]
    search: Search
    trials: int
    inputs: Mapping[str, Json]
    overwrite: bool = False

    @property
    def points(self) -> list[Values]:
        """The values of the trials."""
        return choices(self.grid, self.search, self.trials, self.training.seed)

    @property
    def stage(self) -> Stage:
        """The stage, whose manifest is the table of all trials."""
        config: dict[str, Json] = json.loads(
            json.dumps(
                {
                    "options": [asdict(self.model), self.training.record()],
                    "grid": dict(self.grid),
                    "search": [self.search, self.trials],
                    "inputs": dict(self.inputs),
                }
            )
        )
        checkpoints = sorted(path.name for path in self.out.glob(CHECKPOINT.format("*")))
        return Stage(self.out, TUNE_MANIFEST, config, (TABLE, *checkpoints))


def choices(grid: Mapping[str, Sequence[float]], search: Search, trials: int, seed: int) -> list[Values]:
    """Return the trials' values: the whole grid in order, or `trials` different points of it at random.

    Raises:
        InputError: `trials` is not positive.
    """
    if trials < 1:
        raise InputError(f"{trials} trials, expected at least 1; give --trials a positive number")
    points = [dict(zip(grid, point, strict=True)) for point in itertools.product(*grid.values())]
    if search == "grid":
        return list(points)
    order = np.random.default_rng(seed).permutation(len(points))[:trials]
    return [points[place] for place in order]


def applied(values: Values, model: ModelOptions, training: TrainOptions) -> tuple[ModelOptions, TrainOptions]:
    """Return the options with a trial's values in their places, each in that of the two that has its name."""
    return _replaced(model, values), _replaced(training, values)


def _replaced(options: Options, values: Values) -> Options:
    changes: dict[str, Any] = {
        field.name: values[field.name] for field in fields(options) if field.name in values
    }
    return replace(options, **changes)


def _tune(stage: TuneStage, run: str, data: RecData, report: Report) -> list[Trial]:
    """Train every point under the first seed and return the trials, best validation Recall@20 first.

    Each finished trial is a line of `trials.jsonl` and is not run again; an unfinished one goes on from its
    checkpoint. Test items are never ranked for.
    """
    points, table = stage.points, stage.out / TABLE
    done = {str(row["values"]): row for row in _rows(table)}
    for number, values in enumerate(points):
        if str(dict(values)) not in done:
            path = stage.out / CHECKPOINT.format(fingerprint(dict(values))[:16])
            checkpoint = CheckpointFile(path, f"{run} {path.name}")
            hooks = Hooks(_named(report, f"trial {number + 1} of {len(points)}"), checkpoint=checkpoint)
            row = _run(data, *applied(values, stage.model, stage.training), values, hooks)
            done[str(dict(values))] = row
            with atomic_path(table) as partial:
                partial.write_text("".join(json.dumps(kept) + "\n" for kept in done.values()), "utf-8")
            checkpoint.remove()
        report(Progress("tune", number + 1, len(points), unit="trials"))
    rows = [done[str(dict(values))] for values in points]
    trials = [
        Trial(values, float(str(row[f"valid_{SELECTION}"])), int(str(row["best_epoch"])))
        for values, row in zip(points, rows, strict=True)
    ]
    return sorted(trials, key=lambda trial: -trial.valid)


def tuned_stage(stage: TuneStage, data: RecData, report: Report = silent) -> list[Trial]:
    """Run a search as a stage of its own and return its trials, best first.

    Raises:
        StaleOutput: the folder holds another search.
    """
    opened = stage.stage
    finished = opened.claim(overwrite=stage.overwrite)
    with computing_threads(stage.training.threads):
        found = _tune(stage, opened.fingerprint, data, report)
    if not finished:
        rows: list[Json] = [
            {"values": dict(trial.values), f"valid_{SELECTION}": trial.valid, "best_epoch": trial.best_epoch}
            for trial in found
        ]
        opened.finish({"trials": rows, "best": dict(found[0].values)})
    return found


def _run(
    data: RecData, model: ModelOptions, training: TrainOptions, values: Values, hooks: Hooks
) -> dict[str, Json]:
    made = build(data, model, batch_size=training.batch_size, seed=training.seed, device=training.device)
    fitted = fit(made, data, training, hooks, test=False)
    plain: dict[str, Json] = dict(values)
    return {
        "values": plain,
        f"valid_{SELECTION}": fitted.valid[SELECTION],
        "best_epoch": fitted.best_epoch,
        "epochs": len(fitted.epochs),
    }


def _named(report: Report, stage: str) -> Report:
    return lambda progress: report(replace(progress, stage=stage))


def _rows(table: Path) -> list[dict[str, Json]]:
    if not table.exists():
        return []
    return [json.loads(line) for line in table.read_text("utf-8").splitlines()]
