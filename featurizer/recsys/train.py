"""The stage: a feature set and interactions become a model that scores by dot product."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from featurizer.encoders.device import computing_threads
from featurizer.errors import StaleOutput
from featurizer.progress import Progress, Report, silent
from featurizer.ranking.rank import Vectors
from featurizer.records import Json
from featurizer.recsys.configuration import Configuration
from featurizer.recsys.data import RecData
from featurizer.recsys.fit import SELECTION, Epoch, Fitted, fit
from featurizer.recsys.summary import seed_summary, summarize
from featurizer.recsys.vectors import Rows, write_users, write_vectors
from featurizer.results.files import atomic_path, write_json
from featurizer.results.manifests.recommender import (
    RecommenderManifest,
    SeedFigures,
    read_recommender_manifest,
)
from featurizer.results.names import (
    CARD,
    CONFIG,
    EVALUATION,
    ITEMS,
    METRICS,
    MODEL,
    SIGNATURE,
    SIGNATURE_AROUND,
    USERS,
    WEIGHTS,
)
from featurizer.results.stage import STAGE_FILE, Stage, refuse_others
from featurizer.results.whole import file_hashes
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.hooks import Hooks

WORK = ".work"
OWNED = (WEIGHTS, CONFIG, METRICS, WORK, SIGNATURE_AROUND)
"""What a run writes in `model/` beside the manifest, and what its change makes void."""

HOLDS = ("model", "tune", USERS, ITEMS, CARD, SIGNATURE, Path(EVALUATION).parts[0])
"""What may stand in a folder that is trained into."""


def refuse_foreign_folder(out: Path) -> None:
    """Refuse a folder to train into that holds other things than a model, before any work is done.

    Raises:
        InputError: it is a file.
        StaleOutput: it holds something else.
    """
    refuse_others(out, HOLDS, "'featurizer train' wrote")


def refuse_other_model(out: Path) -> None:
    """Refuse a folder that already holds a model, finished or begun, before a search chooses one for it.

    Raises:
        StaleOutput: it does.
    """
    folder = out / "model"
    if (folder / MODEL).exists() or (folder / STAGE_FILE).exists():
        raise StaleOutput(
            f"{folder} holds a model that was chosen without this search, expected none before the search is done; "
            "choose another --out, or pass --overwrite to replace it"
        )


def train(
    out: Path,
    configuration: Configuration,
    data: RecData,
    *,
    seeds: int = 1,
    inputs: Mapping[str, Json],
    overwrite: bool = False,
    report: Report = silent,
) -> RecommenderManifest:
    """Train under each seed, keep the one with the best validation Recall@20, and write everything.

    A finished seed is not trained again after a kill, an unfinished one goes on from its checkpoint.

    Args:
        out: the folder: `model/`, `users.parquet`, `items.parquet`.
        configuration: the recommender with its options; its seed is the first.
        data: what it is trained on.
        seeds: how many seeds, counted on from the first.
        inputs: fingerprints of feature set and interactions; part of the configuration.
        overwrite: replace another configuration's result.
        report: told how far it is.

    Returns:
        The summary that `manifest.json` holds: model, best_epoch, epochs, seconds, valid, test, seeds, …

    Raises:
        StaleOutput: the folder holds another configuration's result, or what is no model.
        InputError: the data cannot be trained on or ranked.
    """
    refuse_foreign_folder(out)
    configuration = configuration.on(data)
    config: dict[str, Json] = {**configuration.record(), "seeds": seeds, "inputs": dict(inputs)}
    stage = Stage(out / "model", MODEL, config, OWNED)
    work = stage.folder / WORK
    if stage.claim(overwrite=overwrite):
        shutil.rmtree(work, ignore_errors=True)  # there when the last run was killed as it ended
        return read_recommender_manifest(stage.folder / MODEL)
    begun = time.perf_counter()
    work.mkdir(exist_ok=True)
    kept: Fitted | None = None
    figures: list[SeedFigures] = []
    logs: list[Epoch] = []
    training = configuration.training
    with computing_threads(training.threads):
        for seed in range(training.seed, training.seed + seeds):
            seeded = configuration.changed(training={"seed": seed})
            fitted = _one_seed(seeded, data, work, stage.fingerprint, report)
            figures.append(seed_summary(seed, fitted))
            logs += fitted.epochs
            if kept is None or fitted.valid[SELECTION] > kept.valid[SELECTION]:
                kept = fitted
        assert kept is not None
        summary = summarize(configuration.recommender.name, data, kept, figures, time.perf_counter() - begun)
    sizes: dict[str, Json] = {"seed": summary["seed"], "users": data.n_users, "items": data.n_items}
    _write_model(stage.folder, config | sizes, kept, logs)
    write_users(out / USERS, data, _rows(kept.embeddings.users))
    write_vectors(out / ITEMS, data.item_ids, _rows(kept.embeddings.items), "item_id")
    files = (stage.folder / WEIGHTS, stage.folder / CONFIG, out / USERS, out / ITEMS)
    stage.finish({**summary, "files": file_hashes(files)})
    shutil.rmtree(work)
    return read_recommender_manifest(stage.folder / MODEL)


def _rows(vectors: Vectors) -> Rows:
    return vectors.cpu().numpy() if isinstance(vectors, torch.Tensor) else vectors


def _one_seed(configuration: Configuration, data: RecData, work: Path, run: str, report: Report) -> Fitted:
    training = configuration.training
    log = work / f"seed-{training.seed}.jsonl"
    log.unlink(missing_ok=True)

    def record(epoch: Epoch) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(epoch) + "\n")

    def named(progress: Progress) -> None:
        report(replace(progress, stage=f"{configuration.recommender.name}, seed {training.seed}"))

    checkpoint = CheckpointFile(work / f"seed-{training.seed}.pt", f"{run} {training.seed}")
    return fit(configuration.build(data), data, training, Hooks(named, record, checkpoint))


def _write_model(folder: Path, config: Mapping[str, Json], kept: Fitted, logs: list[Epoch]) -> None:
    tensors = {name: value.detach().cpu().contiguous() for name, value in kept.weights.items()}
    with atomic_path(folder / WEIGHTS) as partial:
        save_file(tensors, partial)
    write_json(folder / CONFIG, config)
    with atomic_path(folder / METRICS) as partial:
        partial.write_text("".join(json.dumps(record) + "\n" for record in logs), "utf-8")
