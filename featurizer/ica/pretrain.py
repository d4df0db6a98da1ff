"""The stage `pretrain-ica`: a catalog and two frozen encoders become a model and its feature set.

`out/tokens/` the cache, `out/model/` the model, `out/features/` the feature set; each is a stage of its own, so
a killed run goes on where it stood.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import featurizer
from featurizer.actors import Cluster
from featurizer.catalog.store import Catalog
from featurizer.encoders.base import EncoderRequest
from featurizer.encoders.device import computing_threads, recorded_threads
from featurizer.encoders.libraries import library_versions
from featurizer.encoders.weights import state_sha256
from featurizer.errors import InputError
from featurizer.features.extract import ExtractOptions
from featurizer.features.feature_set import FeatureSet
from featurizer.ica.batch import TokenSource
from featurizer.ica.batches import split_rows
from featurizer.ica.contrastive_terms import ContrastiveTerms, partners_of
from featurizer.ica.encoder import unified_spec
from featurizer.ica.encoders import WordStates
from featurizer.ica.evaluate import MaskedAccuracy, masked_accuracy
from featurizer.ica.fit import BROKEN, best_epoch, fit
from featurizer.ica.inference import Application, write_features
from featurizer.ica.initialize import build
from featurizer.ica.on_the_fly import OnTheFlyTokens
from featurizer.ica.options import IcaOptions
from featurizer.ica.probe import Probe, run_probe
from featurizer.ica.recall import read_shoppers
from featurizer.ica.retrieval import USES, residual_shares
from featurizer.ica.saved_model import SavedModel, load_saved_model, write_saved_model
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.token_store import TokenEncoders, cache_tokens, spec_json
from featurizer.ica.token_worker import TokenPlan, on_ray
from featurizer.interactions.store import read_split
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.files import file_sha256
from featurizer.results.manifests.ica import IcaManifest, read_ica_manifest
from featurizer.results.names import CARD, CONFIG, METRICS, MODEL, SIGNATURE_AROUND, WEIGHTS
from featurizer.results.stage import Stage
from featurizer.results.whole import file_hashes
from featurizer.training.checkpoint import CheckpointFile
from featurizer.training.distributed import DistributedContext, distributed_context
from featurizer.training.hooks import Hooks

logger = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.pt"
OWNED = (WEIGHTS, CONFIG, METRICS, CHECKPOINT, BROKEN, CARD, SIGNATURE_AROUND)


@dataclass(frozen=True, slots=True)
class PretrainRun:
    """What a run of the stage is told besides how to learn.

    Attributes:
        vision: the vision encoder as the user named it.
        text: the text encoder, likewise.
        cache: keep tokens on disk; without it the vision encoder runs again every epoch.
        interactions: to choose the epoch by, and for the co-purchase term.
        overwrite: replace what the folders hold.
        on_epoch: given every epoch's record.
        report: told how far it is.
        cluster: of Ray, whose workers make the tokens; None for this process.
        words: what is read of a word piece.
    """

    vision: str
    text: str
    cache: bool = True
    interactions: Path | None = None
    overwrite: bool = False
    on_epoch: Callable[[dict[str, Json]], None] = lambda _: None
    report: Report = silent
    cluster: Cluster | None = None
    words: WordStates = "contextual"


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What the stage leaves.

    Attributes:
        folder: that was asked for.
        features: the feature set.
        manifest: of the model.
    """

    folder: Path
    features: FeatureSet
    manifest: IcaManifest


def pretrain(
    catalog: Catalog, encoders: TokenEncoders, out: Path, options: IcaOptions, run: PretrainRun
) -> Pretrained:
    """Train the alignment of a catalog's pictures and texts, and write model and features.

    Raises:
        StaleOutput: a folder holds the result of another configuration.
        InputError: the text encoder cannot mask, or the catalog lacks pictures or texts.
        FeaturizerError: the loss is not a number.
    """
    if encoders.text.spec.mask_id is None:
        raise InputError(
            f"the tokenizer of {encoders.text.spec.pooled.model} has no mask token; choose another text encoder"
        )
    if options.objective.copurchase and run.interactions is None:
        raise InputError("the co-purchase term needs to know who bought what: --interactions FILE")
    with distributed_context(encoders.device) as world, computing_threads(encoders.threads):
        source = _source(catalog, encoders, out, run, world)
        stage = Stage(out / "model", MODEL, _config(catalog, encoders, options, run), OWNED)
        if world.is_first:
            stage.claim(overwrite=run.overwrite)
        world.wait()
        if not (out / "model" / MODEL).exists():
            job = _job(source, encoders, options, run, world)
            _train(job, catalog, encoders, stage, run)
        if world.is_first:
            _clear(stage.folder)
        world.wait()
        features = _features(catalog, source, encoders, out, run) if world.is_first else None
        world.wait()
    return Pretrained(
        out, features or FeatureSet.open(out / "features"), read_ica_manifest(out / "model" / MODEL)
    )


def open_pretrained(folder: Path) -> Pretrained:
    """Return what a finished stage left in a folder; no model is loaded.

    Raises:
        InputError: there is no finished model, or no features.
    """
    return Pretrained(
        folder, FeatureSet.open(folder / "features"), read_ica_manifest(folder / "model" / MODEL)
    )


def _source(
    catalog: Catalog, encoders: TokenEncoders, out: Path, run: PretrainRun, world: DistributedContext
) -> TokenSource:
    if not run.cache:
        return OnTheFlyTokens(catalog, encoders)
    if world.is_first:
        tokens = out.absolute() / "tokens"
        make = None
        if run.cluster is not None:
            plan = TokenPlan(
                catalog.folder.absolute(),
                tokens,
                run.vision,
                run.text,
                encoders.device.split(":")[0],  # each worker has a GPU of its own
                encoders.threads,
                run.words,
            )
            make = on_ray(plan, run.cluster, catalog, encoders)
        cache_tokens(catalog, encoders, tokens, overwrite=run.overwrite, report=run.report, make=make)
    world.wait()
    return cache_tokens(catalog, encoders, out / "tokens")


def _job(
    source: TokenSource,
    encoders: TokenEncoders,
    options: IcaOptions,
    run: PretrainRun,
    world: DistributedContext,
) -> TrainingSetup:
    train, valid = split_rows(source.rows, options.training.valid_share, options.training.seed)
    logger.info(
        "%d items to train on, %d held out; fitting scales, codes and the start", len(train), len(valid)
    )
    terms = _contrastive(source, train, options, run)
    model, heads = build(source, train, options)
    return TrainingSetup(
        model, heads, source, encoders.text, train, valid, options, terms, encoders.device, world
    )


def _train(
    job: TrainingSetup, catalog: Catalog, encoders: TokenEncoders, stage: Stage, run: PretrainRun
) -> None:
    metrics = stage.folder / METRICS
    if job.context.is_first:
        metrics.write_text("", "utf-8")

    def on_epoch(record: dict[str, Json]) -> None:
        with metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        run.on_epoch(record)

    checkpoint = CheckpointFile(stage.folder / CHECKPOINT, stage.fingerprint)
    shoppers = None
    if run.interactions is not None and job.options.objective.method == "latent":
        shoppers = read_shoppers(run.interactions, job.source, job.options.training.seed)
    history = fit(job, Hooks(run.report, on_epoch, checkpoint), shoppers)
    if not job.context.is_first:
        return
    run.report(Progress("evaluate", 0, 1, unit="models"))
    accuracy, probes = masked_accuracy(job, job.valid), run_probe(job)
    specs = spec_json(encoders.image.spec), spec_json(encoders.text.spec)
    terms: dict[str, Json] = {**job.options.objective.terms()}
    if shoppers is not None:
        terms["epoch"] = "valid_recall@20"
    bundle = SavedModel(job.model, job.heads, run.vision, run.text, *specs, terms)
    write_saved_model(stage.folder, bundle)
    files = file_hashes(stage.folder / name for name in (WEIGHTS, CONFIG))
    stage.finish({**_manifest(catalog, job, history, accuracy, probes), "files": files})
    if best_epoch(history) == 0:
        logger.warning("%s: training not used: %s", stage.folder, unused(len(history) - 1))
    run.report(Progress("evaluate", 1, 1, unit="models"))


def unused(epochs: int) -> str:
    """Say why training was not used, after so many epochs."""
    return f"none of {epochs} epochs was better than the start" if epochs else "0 epochs were asked for"


def _clear(folder: Path) -> None:
    """Remove what a finished model needs no more; until its manifest stands, a killed run needs it."""
    (folder / CHECKPOINT).unlink(missing_ok=True)
    if (folder / BROKEN).exists():
        shutil.rmtree(folder / BROKEN)


def _contrastive(
    source: TokenSource, train: Sequence[int], options: IcaOptions, run: PretrainRun
) -> ContrastiveTerms | None:
    objective = options.objective
    if not objective.terms():
        return None
    partners: dict[int, np.ndarray] = {}
    if objective.copurchase and run.interactions is not None:
        # held-out items are nobody's partners: training does not see them
        rows = np.asarray(train)
        found = partners_of(read_split(run.interactions), source.item_ids(train))
        partners = {int(rows[row]): rows[others] for row, others in found.items()}
        if not partners:
            raise InputError(
                f"{run.interactions} pairs no two of the {len(train)} train items of the catalog; check the ids"
            )
    return ContrastiveTerms(objective.contrastive, objective.copurchase, objective.temperature, partners)


def _features(
    catalog: Catalog, source: TokenSource, encoders: TokenEncoders, out: Path, run: PretrainRun
) -> FeatureSet:
    bundle = load_saved_model(out / "model", encoders.device)
    request = EncoderRequest("unified", str(out), device=encoders.device)
    spec = unified_spec(bundle, request, state_sha256(bundle.model))
    unified = replace(spec, request=f"ica:{out}")
    application = Application(bundle, unified, encoders.device)
    options = ExtractOptions(device=encoders.device, threads=encoders.threads, overwrite=run.overwrite)
    return write_features(application, source, catalog, out / "features", options, report=run.report)


def _config(
    catalog: Catalog, encoders: TokenEncoders, options: IcaOptions, run: PretrainRun
) -> dict[str, Json]:
    # what only says when to save changes no weight
    options = options.replaced(training=options.training.replaced(checkpoint_minutes=0.0))
    recorded: dict[str, Json] = options.model_dump(mode="json")
    return {
        "catalog": catalog.identity,
        "vision": spec_json(encoders.image.spec),
        "text": spec_json(encoders.text.spec),
        "options": recorded,
        "interactions": file_sha256(run.interactions) if run.interactions else None,
        "device": encoders.device.split(":")[0],  # each of several processes has a GPU of its own
        "threads": recorded_threads(encoders.threads, encoders.device),
        "libraries": library_versions(one.spec.pooled.request for one in (encoders.image, encoders.text)),
    }


def _manifest(
    catalog: Catalog,
    job: TrainingSetup,
    history: list[dict[str, Json]],
    accuracy: list[MaskedAccuracy],
    probes: list[Probe],
) -> dict[str, Json]:
    best = history[best_epoch(history)]
    recorded: dict[str, Json] = {
        "format_version": 1,
        "featurizer_version": featurizer.__version__,
        "model_type": "ica",
        "train_items": len(job.train),
        "valid_items": len(job.valid),
        "epochs": len(history) - 1,
        "best_epoch": best["epoch"],
        "training": "used" if best["epoch"] else "not used",
        "valid_loss": best["valid_loss"],
        "masked_accuracy": [found.record() for found in accuracy],
        "probe": [found.record() for found in probes],
        "source": catalog.manifest.source.document(),
    }
    if job.model.residual is not None:
        masked, whole = job.model.residual.gate.tolist()
        recorded |= {
            "held_out": {name: best[name] for name in USES},
            "fills": {name: fill.kind for name, fill in job.model.start.fills().items()},
            "gate": {"masked": masked, "whole": whole},
            "residual_share": {**residual_shares(job, job.valid)},
        }
    return recorded
