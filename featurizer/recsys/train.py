"""The stage: a feature set and interactions become a model that scores by dot product."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import featurizer
from featurizer.manifest import Stage, atomic_path, read_json, write_json
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.recsys.build import build
from featurizer.recsys.data import RecData
from featurizer.recsys.fit import Epoch, Fitted, Hooks, fit, ranked
from featurizer.recsys.groups import group_recalls
from featurizer.recsys.options import ModelOptions, TrainOptions
from featurizer.recsys.vectors import write_users, write_vectors

MANIFEST = "manifest.json"
OWNED = ("model.safetensors", "config.json", "metrics.jsonl", ".work")
"""What a run writes in `model/` beside the manifest."""
WORK = ".work"
GROUP_K = 20


@dataclass(frozen=True, slots=True)
class TrainStage:
    """What is trained, on what, and where it goes.

    Attributes:
        out: the folder: `model/`, `users.parquet`, `items.parquet`.
        model: the model's options.
        training: the trainer's; its seed is the first of `seeds`.
        seeds: how many seeds, counted on from the first.
        inputs: fingerprints of feature set and interactions; part of the configuration.
        overwrite: replace another configuration's result.
    """

    out: Path
    model: ModelOptions
    training: TrainOptions
    seeds: int
    inputs: Mapping[str, Json]
    overwrite: bool = False

    @property
    def stage(self) -> Stage:
        """The stage in `model/`, whose manifest is written last of all."""
        config: dict[str, Json] = {
            "model": _plain(asdict(self.model)),
            "training": _plain(asdict(self.training)),
            "seeds": self.seeds,
            "inputs": dict(self.inputs),
        }
        return Stage(self.out / "model", MANIFEST, config, OWNED)


def train(stage: TrainStage, data: RecData, report: Report = silent) -> dict[str, Json]:
    """Train under each seed, keep the one with the best validation Recall@20, and write everything.

    A finished seed is not trained again after a kill, an unfinished one goes on from its checkpoint.

    Returns:
        The summary that `manifest.json` holds: model, best_epoch, epochs, seconds, valid, test, seeds, …

    Raises:
        StaleOutput: the folder holds another configuration's result.
        InputError: the data cannot be trained on or ranked.
    """
    opened = stage.stage
    if opened.claim(overwrite=stage.overwrite):
        return read_json(opened.folder / MANIFEST)
    begun = time.perf_counter()
    work = opened.folder / WORK
    work.mkdir(exist_ok=True)
    kept: Fitted | None = None
    seeds: list[dict[str, Json]] = []
    logs: list[Epoch] = []
    for number in range(stage.seeds):
        seed = stage.training.seed + number
        fitted = _one_seed(stage, data, seed, work, report)
        seeds.append({"seed": seed, "best_epoch": fitted.best_epoch, "epochs": len(fitted.epochs),
                      "valid": _plain(fitted.valid), "test": _plain(fitted.test)})  # fmt: skip
        logs += fitted.epochs
        if kept is None or fitted.valid["recall@20"] > kept.valid["recall@20"]:
            kept = fitted
    assert kept is not None
    summary = _summary(stage, data, kept, seeds, time.perf_counter() - begun)
    _write(stage, data, kept, logs, summary)
    opened.finish(summary)
    for path in work.iterdir():
        path.unlink()
    work.rmdir()
    return read_json(opened.folder / MANIFEST)


def _one_seed(stage: TrainStage, data: RecData, seed: int, work: Path, report: Report) -> Fitted:
    options = replace(stage.training, seed=seed)
    model = build(data, stage.model, batch_size=options.batch_size, seed=seed, device=options.device)
    log = work / f"seed-{seed}.jsonl"
    log.unlink(missing_ok=True)

    def record(epoch: Epoch) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(epoch) + "\n")

    def named(progress: Progress) -> None:
        report(replace(progress, stage=f"{stage.model.name}, seed {seed}"))

    hooks = Hooks(named, record, work / f"seed-{seed}.safetensors")
    return fit(model, data, options, hooks)


def _summary(
    stage: TrainStage, data: RecData, kept: Fitted, seeds: list[dict[str, Json]], seconds: float
) -> dict[str, Json]:
    first = kept.epochs[0]
    return {
        "format_version": 1,
        "featurizer_version": featurizer.__version__,
        "model": stage.model.name,
        "seed": first["seed"],
        "best_epoch": kept.best_epoch,
        "epochs": len(kept.epochs),
        "seconds": round(seconds, 3),
        "valid": _plain(kept.valid),
        "test": _plain(kept.test),
        "seeds": list(seeds),
        "over_seeds": over_seeds(seeds),
        "groups": _groups(stage, data, kept),
        "data": describe(data),
        "versions": {
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def _groups(stage: TrainStage, data: RecData, kept: Fitted) -> list[Json]:
    shown = ranked(kept.embeddings, data.train, data.test, stage.training.ks)
    return [_plain(asdict(group)) for group in group_recalls(shown, data.train, data.test, GROUP_K)]


def over_seeds(seeds: list[dict[str, Json]]) -> dict[str, Json]:
    """Return each split's metrics as mean and standard deviation (n − 1) over the seeds."""
    found: dict[str, Json] = {}
    for split in ("valid", "test"):
        rows = [row[split] for row in seeds]
        names = list(rows[0]) if isinstance(rows[0], dict) else []
        values = {
            name: np.array([float(str(row[name])) for row in rows if isinstance(row, dict)]) for name in names
        }
        found[split] = {
            name: {"mean": float(value.mean()), "sd": float(value.std(ddof=1)) if len(value) > 1 else None}
            for name, value in values.items()
        }
    return found


def describe(data: RecData) -> dict[str, Json]:
    """Return what was trained on, and what of it is not as one would wish, counted."""
    no_train = data.train.counts == 0
    return {
        "users": data.n_users,
        "items": data.n_items,
        "train": len(data.train.items),
        "valid": len(data.valid.items),
        "test": len(data.test.items),
        "items_without_features": int((~data.known).sum()),
        "items_not_in_feature_set": len(data.absent_items),
        "items_not_in_feature_set_such_as": list(data.absent_items[:5]),
        "coverage": data.covered,
        "cold_items": int((data.train.popularity() == 0).sum()),
        "users_without_train_items": int(no_train.sum()),
        "valid_users_not_ranked": int((no_train & (data.valid.counts > 0)).sum()),
        "test_users_not_ranked": int((no_train & (data.test.counts > 0)).sum()),
    }


def _write(
    stage: TrainStage, data: RecData, kept: Fitted, logs: list[Epoch], summary: Mapping[str, Json]
) -> None:
    folder = stage.out / "model"
    tensors = {name: value.detach().cpu().contiguous() for name, value in kept.parameters.items()}
    with atomic_path(folder / "model.safetensors") as partial:
        save_file(tensors, partial)
    config = dict(stage.stage.config) | {
        "seed": summary["seed"],
        "users": data.n_users,
        "items": data.n_items,
    }
    write_json(folder / "config.json", config)
    with atomic_path(folder / "metrics.jsonl") as partial:
        partial.write_text("".join(json.dumps(record) + "\n" for record in logs), "utf-8")
    write_users(stage.out / "users.parquet", data, kept.embeddings.users.cpu().numpy())
    write_vectors(stage.out / "items.parquet", data.item_ids, kept.embeddings.items.cpu().numpy(), "item_id")


def _plain(values: Mapping[str, object]) -> Json:
    plain: Json = json.loads(json.dumps(values))
    return plain
