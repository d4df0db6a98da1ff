"""Search of hyper-parameters, by validation alone, resumable trial by trial."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from featurizer.errors import InputError
from featurizer.manifest import Stage, atomic_path, fingerprint
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.recsys.build import build
from featurizer.recsys.data import RecData
from featurizer.recsys.fit import Hooks, fit
from featurizer.recsys.options import ModelOptions, TrainOptions

Search: TypeAlias = Literal["grid", "random"]
Values: TypeAlias = Mapping[str, float]

TUNE_MANIFEST = "tune.json"

GRID: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "learning_rate": (5e-3, 3e-3, 1e-3, 7e-4, 5e-4, 3e-4, 1e-4),
        "alpha": (1e-4, 1e-3, 5e-3, 1e-2, 0.1),
        "reg": (0.1, 0.2, 0.3, 0.4, 0.5),
    }
)
"""The grid that AlignRec's authors search."""

OF_ANY_MODEL: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"learning_rate": (5e-3, 3e-3, 1e-3, 5e-4), "l2": (1e-3, 1e-2, 0.1, 1.0)}
)
"""The grid for the baselines."""


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


def applied(values: Values, model: ModelOptions, training: TrainOptions) -> tuple[ModelOptions, TrainOptions]:
    """Return the options with a trial's values in their places."""
    tuned = replace(
        model,
        alpha=values.get("alpha", model.alpha),
        reg=values.get("reg", model.reg),
        l2=values.get("l2", model.l2),
    )
    return tuned, replace(training, learning_rate=values.get("learning_rate", training.learning_rate))


def tune(
    data: RecData,
    model: ModelOptions,
    training: TrainOptions,
    points: Sequence[Values],
    folder: Path,
    report: Report = silent,
) -> list[Trial]:
    """Train every point under the first seed and return the trials, best validation Recall@20 first.

    Each finished trial is a line of `trials.jsonl` in `folder` and is not run again; an unfinished one goes
    on from its checkpoint. Test items are never ranked for.
    """
    table = folder / "trials.jsonl"
    done = {str(row["values"]): row for row in _rows(table)}
    folder.mkdir(parents=True, exist_ok=True)
    for number, values in enumerate(points):
        if str(dict(values)) not in done:
            row = _run(data, *applied(values, model, training), values, folder)
            done[str(dict(values))] = row
            with atomic_path(table) as partial:
                partial.write_text("".join(json.dumps(kept) + "\n" for kept in done.values()), "utf-8")
        report(Progress("tune", number + 1, len(points), unit="trials"))
    rows = [done[str(dict(values))] for values in points]
    trials = [
        Trial(values, float(str(row["valid_recall@20"])), int(str(row["best_epoch"])))
        for values, row in zip(points, rows, strict=True)
    ]
    return sorted(trials, key=lambda trial: -trial.valid)


def tuned_stage(
    data: RecData,
    options: tuple[ModelOptions, TrainOptions],
    search: tuple[Search, int],
    out: Path,
    inputs: Mapping[str, Json],
    report: Report = silent,
    *,
    overwrite: bool = False,
) -> list[Trial]:
    """Run a search as a stage of its own in the folder `out` and return its trials, best first.

    Args:
        data: interactions and features.
        options: what every trial starts from.
        search: `grid` or `random`, and how many trials the latter has.
        out: holds `trials.jsonl` and, when all are done, `tune.json`.
        inputs: fingerprints of the data.
        report: told of finished trials.
        overwrite: replace another search's result.

    Raises:
        StaleOutput: the folder holds another search.
    """
    model, training = options
    grid = GRID if model.name == "alignrec" else OF_ANY_MODEL
    points = choices(grid, search[0], search[1], training.seed)
    config: dict[str, Json] = json.loads(
        json.dumps({"options": [asdict(one) for one in options], "search": search, "inputs": dict(inputs)})
    )
    stage = Stage(out, TUNE_MANIFEST, config, ("trials.jsonl",))
    finished = stage.claim(overwrite=overwrite)
    found = tune(data, model, training, points, out, report)
    if not finished:
        rows: list[Json] = [
            {"values": dict(trial.values), "valid_recall@20": trial.valid, "best_epoch": trial.best_epoch}
            for trial in found
        ]
        stage.finish({"trials": rows, "best": dict(found[0].values)})
    return found


def _run(
    data: RecData, model: ModelOptions, training: TrainOptions, values: Values, folder: Path
) -> dict[str, Json]:
    checkpoint = folder / f"trial-{fingerprint(dict(values))[:16]}.safetensors"
    made = build(data, model, batch_size=training.batch_size, seed=training.seed, device=training.device)
    fitted = fit(made, data, training, Hooks(checkpoint=checkpoint), test=False)
    checkpoint.unlink(missing_ok=True)
    plain: dict[str, Json] = dict(values)
    return {
        "values": plain,
        "valid_recall@20": fitted.valid["recall@20"],
        "best_epoch": fitted.best_epoch,
        "epochs": len(fitted.epochs),
    }


def _rows(table: Path) -> list[dict[str, Json]]:
    if not table.exists():
        return []
    return [json.loads(line) for line in table.read_text("utf-8").splitlines()]
