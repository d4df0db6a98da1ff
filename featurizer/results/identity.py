"""What tells one result from another: read from its manifest, without opening the vectors."""

from __future__ import annotations

from pathlib import Path

from featurizer.records import Json
from featurizer.results.files import file_sha256, fingerprint, read_json
from featurizer.results.names import CARD, CATALOG, CROISSANT, EXPORT, FEATURE_SET, MODEL, SCORES, WEIGHTS
from featurizer.results.spelling import read_manifest
from featurizer.results.stage import is_local

PLACES = (CATALOG, FEATURE_SET, MODEL, f"model/{MODEL}", f"features/{FEATURE_SET}", SCORES, EXPORT)
"""Manifests of finished stages; the first that is there says what a folder is."""
BESIDE = (CARD, SCORES, CROISSANT)
"""What a card step writes into a folder that is published."""


def identity(path: Path, *, card: bool = False, inside: bool = False) -> Json:
    """Return what changes whenever the result at `path` does; None where there is none, or it is unfinished.

    Args:
        path: a file, or the folder of a stage.
        card: whether the card, the scores and the license beside count too.
        inside: of a folder that is no stage's, whether the results in it count, or else all its files.
    """
    if path.is_file():
        return file_sha256(path)
    found = next((path / place for place in PLACES if (path / place).is_file()), None)
    if found is None:
        return _inside(path) if inside and path.is_dir() else None
    told = _told(found)
    if card:
        told["license"] = read_manifest(found).get("license")
        told["beside"] = {name: file_sha256(path / name) for name in BESIDE if (path / name).is_file()}
    return told


def _inside(folder: Path) -> Json:
    children = sorted(child for child in folder.iterdir() if child.is_dir())
    results: dict[str, Json] = {child.name: identity(child) for child in children}
    if any(results.values()):
        return results
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    own = [path for path in files if not any(map(is_local, path.parts))]
    return fingerprint({path.as_posix(): file_sha256(folder / path) for path in own})


def _told(found: Path) -> dict[str, Json]:
    manifest = read_json(found)
    told: dict[str, Json] = {"fingerprint": manifest.get("fingerprint")}
    if found.name == CATALOG:
        told["data"] = manifest.get("data_sha256")
    elif found.name == FEATURE_SET:
        shards = manifest.get("shards")
        told["data"] = [
            shard.get("sha256")
            for shard in (shards if isinstance(shards, list) else [])
            if isinstance(shard, dict)
        ]
    elif found.name == MODEL:
        weights = found.with_name(WEIGHTS)
        told["data"] = file_sha256(weights) if weights.is_file() else None
    else:
        told["data"] = file_sha256(found)
    return told
