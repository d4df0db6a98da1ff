"""Search of hyper-parameters, by validation alone, resumable trial by trial."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from featurizer.encoders.device import computing_threads
from featurizer.errors import InputError
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.recsys.configuration import Configuration
from featurizer.recsys.data import RecData
from featurizer.recsys.fit import SELECTION, fit
from featurizer.results.files import atomic_path, fingerprint
from featurizer.results.names import TUNE
from featurizer.results.stage import Stage
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.hooks import Hooks

Search: TypeAlias = Literal["grid", "random"]
Values: TypeAlias = Mapping[str, float]

TABLE = "trials.jsonl"
CHECKPOINT = "trial-{}.pt"
"""Of a trial that is not finished; named by its values alone, so a search owns those of the one it replaces."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of hyper-parameters and how it did on validation."""

    values: Values
    valid: float
    best_epoch: int


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


def tune(
    out: Path,
    configuration: Configuration,
    data: RecData,
    *,
    grid: Mapping[str, Sequence[float]],
    search: Search = "random",
    trials: int,
    inputs: Mapping[str, Json],
    overwrite: bool = False,
    report: Report = silent,
) -> list[Trial]:
    """Train every point under the first seed and return the trials, best validation Recall@20 first.

    Test items are never ranked for.

    Args:
        out: holds `trials.jsonl` and, when all are done, `tune.json`.
        configuration: what every trial starts from; its seed also draws the points of a random search.
        data: what is trained on.
        grid: the values to choose from, by option, such as the recommender's own.
        search: the whole grid, or points of it at random.
        trials: how many points a random search has.
        inputs: fingerprints of feature set and interactions; part of the configuration.
        overwrite: replace another search's result.
        report: told how far it is.

    Raises:
        StaleOutput: the folder holds another search.
    """
    configuration = configuration.on(data)
    points = choices(grid, search, trials, configuration.training.seed)
    config: dict[str, Json] = {
        "options": list(configuration.record().values()),
        "grid": {name: list(values) for name, values in grid.items()},
        "search": [search, trials],
        "inputs": dict(inputs),
    }
    unfinished = sorted(path.name for path in out.glob(CHECKPOINT.format("*")))
    stage = Stage(out, TUNE, config, (TABLE, *unfinished))
    finished = stage.claim(overwrite=overwrite)
    with computing_threads(configuration.training.threads):
        found = _trials(stage, configuration, points, data, report)
    if not finished:
        rows: list[Json] = [
            {"values": dict(trial.values), f"valid_{SELECTION}": trial.valid, "best_epoch": trial.best_epoch}
            for trial in found
        ]
        stage.finish({"trials": rows, "best": dict(found[0].values)})
    return found


def _trials(
    stage: Stage, configuration: Configuration, points: Sequence[Values], data: RecData, report: Report
) -> list[Trial]:
    """Return the trials, best first.

    Each finished trial is a line of `trials.jsonl` and is not run again; an unfinished one goes on from its
    checkpoint.
    """
    table = stage.folder / TABLE
    done = {str(row["values"]): row for row in _rows(table)}
    for number, values in enumerate(points):
        if str(dict(values)) not in done:
            path = stage.folder / CHECKPOINT.format(fingerprint(dict(values))[:16])
            checkpoint = CheckpointFile(path, f"{stage.fingerprint} {path.name}")
            hooks = Hooks(_named(report, f"trial {number + 1} of {len(points)}"), checkpoint=checkpoint)
            done[str(dict(values))] = _run(data, configuration.applied(values), values, hooks)
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


def _run(data: RecData, configuration: Configuration, values: Values, hooks: Hooks) -> dict[str, Json]:
    fitted = fit(configuration.build(data), data, configuration.training, hooks, test=False)
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
