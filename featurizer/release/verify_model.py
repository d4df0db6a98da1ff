"""Is a trained model what its manifest says? A recommender, a pre-trained alignment, or a map learned from behavior."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

import featurizer
from featurizer.alignment.saved_model import WEIGHTS as MAP_WEIGHTS
from featurizer.alignment.saved_model import load_map
from featurizer.errors import FeaturizerError, InputError
from featurizer.features.supervised import SUPERVISED
from featurizer.ica.saved_model import load_saved_model
from featurizer.records import Json
from featurizer.recsys.vectors import COLUMN, HISTORY, holds_vectors, vectors_of
from featurizer.release.model import render_model_card
from featurizer.release.verify_card import card_problems
from featurizer.results.files import file_sha256, read_json
from featurizer.results.findings import Findings
from featurizer.results.manifests.ica import IcaManifest, read_ica_manifest
from featurizer.results.manifests.recommender import RecommenderManifest, read_recommender_manifest
from featurizer.results.names import CARD, CONFIG, ITEMS, METRICS, MODEL, SIGNATURE, USERS, WEIGHTS
from featurizer.results.seal import SEAL
from featurizer.results.state import state_file
from featurizer.results.store_path import opened
from featurizer.results.whole import UNREADABLE, links, manifest_problems, strays

FORMAT_VERSION = 1
"""Of a model's manifest."""
CLOSE = 1e-9


def verify_model(folder: Path) -> Findings:
    """Look at a model: what its manifest lists beside it, and whether one figure contradicts another.

    Args:
        folder: what --out named, or the folder `model` in it.

    Raises:
        InputError: its manifest is missing or damaged.
    """
    inner = folder if (folder / MODEL).is_file() else folder / "model"
    document = read_json(inner / MODEL)
    recorded = document.get("files")
    files = recorded if isinstance(recorded, dict) else {}
    problems = [
        f"{MODEL}: {one}" for one in manifest_problems(inner / MODEL, FORMAT_VERSION, sealed=bool(files))
    ]
    notes = []
    if SEAL not in document:
        notes.append(f"{MODEL}: {SEAL} is not recorded; its figures are believed")
    if not files:
        notes.append(f"{MODEL}: the sha256 of the files beside it are not recorded")
    missing, absent = _files(folder, inner, files)
    problems += missing
    notes += absent
    problems += links(inner, (MODEL, *files, METRICS))
    known = {*files, MODEL, METRICS, CARD, CONFIG, WEIGHTS, MAP_WEIGHTS, SUPERVISED, SIGNATURE}
    if inner.name == "model":
        problems += [
            f"{name} is not in the manifest"
            for name in strays(inner.parent, inner.name, {f"{inner.name}/{name}" for name in known})
        ]
    problems += _of_kind(folder, inner, document)
    return Findings.of(problems, notes)


def _of_kind(folder: Path, inner: Path, document: Mapping[str, Json]) -> Iterator[str]:
    try:
        if document.get("model_type") == "align":
            yield from _map(inner)
            return
        if "model_type" in document:
            yield from _alignment(inner, read_ica_manifest(inner / MODEL))
        else:
            yield from _recommender(folder, inner, read_recommender_manifest(inner / MODEL))
        if document.get("featurizer_version") == featurizer.__version__:
            yield from _card(folder)
    except FeaturizerError as error:
        yield " ".join(str(error).split())


def _card(folder: Path) -> Iterator[str]:
    def render(repo: str | None, card: str) -> str:
        return render_model_card(folder, repo=repo, with_users=USERS in card)

    yield from (f"{CARD}: {problem}" for problem in card_problems(folder / CARD, render))


def _files(folder: Path, inner: Path, files: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """Compare the listed files' hashes; users may stay at home when a model is published."""
    problems, notes = [], []
    at_home = state_file(folder, "train").exists()
    for name, expected in files.items():
        path = inner / name if (inner / name).exists() else inner.parent / name
        if Path(name).name != name:
            problems.append(f"{MODEL} lists {name!r}, expected the name of a file beside it")
        elif not path.is_file() and name == USERS and not at_home:
            notes.append(f"{USERS} is not here; a published model leaves it out")
        elif not path.is_file():
            problems.append(f"{name} is missing")
        elif file_sha256(path) != expected:
            problems.append(f"{name}: its sha256 differs from the manifest's")
    return problems, notes


def _weights(path: Path) -> Iterator[str]:
    """Read every tensor: each must be there whole, and finite."""
    try:
        with safe_open(path, framework="np") as file:
            broken = [name for name in file.keys() if not np.isfinite(file.get_tensor(name)).all()]  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        yield f"{path.name} cannot be read: {error}"
        return
    if broken:
        yield f"{path.name}: {broken[0]} holds NaN or infinity"


def _epochs(path: Path) -> list[dict[str, Json]]:
    """Read the log of a training.

    Raises:
        InputError: a line is no JSON object.
    """
    found = []
    try:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            record = json.loads(line)
            if not isinstance(record, dict) or not isinstance(record.get("epoch"), int):
                raise InputError(f"{path.name}, line {number}: expected a JSON object with an epoch")
            found.append(record)
    except FileNotFoundError:
        raise InputError(f"{path.name} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
    return found


def _recommender(folder: Path, inner: Path, manifest: RecommenderManifest) -> Iterator[str]:
    yield from _weights(inner / WEIGHTS)
    config = read_json(inner / CONFIG)
    for name, value in manifest.config.items():
        if config.get(name) != value:
            yield f"{CONFIG}: {name} is not what {MODEL} says"
    yield from _seeds(manifest)
    logged = Counter(str(one.get("seed")) for one in _epochs(inner / METRICS))
    if logged != Counter({str(row.seed): row.epochs for row in manifest.seeds}):
        yield f"{METRICS} has {logged.total()} epochs, {MODEL} says {sum(row.epochs for row in manifest.seeds)}"
    if manifest.best_epoch > manifest.epochs:
        yield f"{MODEL}: the best epoch is {manifest.best_epoch} of {manifest.epochs}"
    yield from _vectors(folder, manifest)


def _seeds(manifest: RecommenderManifest) -> Iterator[str]:
    """Compare the figures of the kept seed, and those over all seeds, with the seeds' own."""
    kept = next((row for row in manifest.seeds if row.seed == manifest.seed), None)
    if kept is None:
        yield f"{MODEL}: seed {manifest.seed} is not among its seeds"
        return
    for name in ("valid", "test", "epochs", "best_epoch"):
        if getattr(kept, name) != getattr(manifest, name):
            yield f"{MODEL}: {name} is not that of its seed {manifest.seed}"
    for split in ("valid", "test"):
        for metric, spread in manifest.over_seeds.get(split, {}).items():
            values = [getattr(row, split).get(metric, math.nan) for row in manifest.seeds]
            if not abs(fmean(values) - spread.mean) < CLOSE:
                yield f"{MODEL}: over_seeds.{split}.{metric} is {spread.mean:.4f}, its seeds make {fmean(values):.4f}"
    listed = [number for split in (manifest.valid, manifest.test) for number in split.values()]
    if not all(0 <= number <= 1 for number in listed):
        yield f"{MODEL}: a metric is not between 0 and 1"


def _vectors(folder: Path, manifest: RecommenderManifest) -> Iterator[str]:
    """Look at users and items: ids once, vectors whole and as long as each other, as many as were trained on."""
    place = folder if (folder / ITEMS).exists() else folder.parent
    dims = set()
    items: set[str] = set()
    for name, id_name, counted in ((ITEMS, "item_id", "items"), (USERS, "user_id", "users")):
        path = place / name
        if not path.exists():
            continue
        try:
            with opened(path) as file:
                table = pq.read_table(file)
            table.validate(full=True)
        except UNREADABLE as error:
            yield f"{name} cannot be read: {error}"
            continue
        expected = [id_name, COLUMN, *([HISTORY] if name == USERS else [])]
        if table.column_names != expected or not holds_vectors(table):
            yield f"{name}: its columns are {', '.join(table.column_names)}, expected {', '.join(expected)}"
            continue
        vectors = vectors_of(table)
        dims.add(vectors.shape[1])
        ids = table.column(id_name).to_pylist()
        items = items or set(ids)
        numbers = vectors if isinstance(vectors, np.ndarray) else vectors.data
        if table.column(COLUMN).null_count or not np.isfinite(numbers).all():
            yield f"{name}: a vector is null, or holds NaN or infinity"
        if len(set(ids)) != len(ids) or None in ids:
            yield f"{name}: ids are missing or repeated"
        if manifest.data.get(counted) != len(ids):
            yield f"{name} has {len(ids)} {counted}, {MODEL} says {manifest.data.get(counted)}"
        if name == USERS:
            used = {item for row in table.column(HISTORY).to_pylist() for item in row or ()}
            if used - items:
                yield f"{name}: {HISTORY} names items that are not in {ITEMS}"
    if len(dims) > 1:
        yield f"{USERS} and {ITEMS} hold vectors of {' and '.join(map(str, sorted(dims)))} numbers"


def _alignment(inner: Path, manifest: IcaManifest) -> Iterator[str]:
    yield from _weights(inner / WEIGHTS)
    load_saved_model(inner)
    config = read_json(inner / CONFIG)
    for side, tokens in (("vision", "image_tokens"), ("text", "text_tokens")):
        if manifest.config.get(side) != config.get(tokens):
            yield f"{CONFIG}: {tokens} are not those of the {side} encoder in {MODEL}"
    if (manifest.training == "used") != (manifest.best_epoch > 0) or manifest.best_epoch > manifest.epochs:
        yield f"{MODEL}: training is '{manifest.training}' with the best epoch {manifest.best_epoch}"
    last = max((int(str(one["epoch"])) for one in _epochs(inner / METRICS)), default=0)
    if last != manifest.epochs:
        yield f"{METRICS} ends with epoch {last}, {MODEL} says {manifest.epochs}"
    for row in manifest.masked_accuracy:
        for name in ("present", "absent", "gain"):
            low, value, high = (getattr(row, f"{name}{end}") for end in ("_low", "", "_high"))
            if not low - CLOSE <= value <= high + CLOSE:
                yield f"{MODEL}: masked_accuracy of {row.side}: {name} lies outside its interval"


def _map(inner: Path) -> Iterator[str]:
    saved = load_map(inner)
    manifest, mapping = saved.manifest, saved.mapping
    yield from _weights(inner / MAP_WEIGHTS)
    if file_sha256(inner / MAP_WEIGHTS) != manifest.weight_hash:
        yield f"{MAP_WEIGHTS}: its sha256 is not the weight_hash of {MODEL}"
    for space, mean in zip(manifest.spaces, mapping.content.means, strict=True):
        if mean.shape != (space.dim,):
            yield f"{MAP_WEIGHTS}: the mean of {space.name} has {mean.shape[0]} numbers, {MODEL} says {space.dim}"
    if mapping.matrix.shape[1] != manifest.width:
        yield f"{MAP_WEIGHTS} makes {mapping.matrix.shape[1]} numbers a vector, {MODEL} says {manifest.width}"
    weights = zip(mapping.content.weights, manifest.weights, strict=False)
    if len(manifest.weights) != len(manifest.spaces) or not all(
        map(math.isclose, *zip(*weights, strict=True))
    ):
        yield f"{MODEL}: weights are not those of {MAP_WEIGHTS}"
    taught = saved.supervised
    if len(taught) != manifest.supervised_items or len(set(taught)) != len(taught):
        yield f"{SUPERVISED} lists {len(set(taught))} items, {MODEL} says {manifest.supervised_items}"
