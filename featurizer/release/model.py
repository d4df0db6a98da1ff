"""A trained model, described and made ready to publish: users stay at home unless they are asked along."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from featurizer.errors import InputError
from featurizer.papers import ALIGNREC
from featurizer.records import Json
from featurizer.release.card import CARD
from featurizer.release.licenses import hub_license
from featurizer.release.markdown import render
from featurizer.release.plan import Plan, PlannedFile, check_repo, made, on_disk
from featurizer.results.files import atomic_path, fingerprint
from featurizer.results.spelling import read_manifest, record

MANIFEST, WEIGHTS, CONFIG = "manifest.json", "model.safetensors", "config.json"
ITEMS, USERS = "items.parquet", "users.parquet"
OWNED = ("model/", ITEMS, USERS)
"""Where a model's repository holds nothing but what is planned: users do not stay when they are no longer published."""


def is_model(folder: Path) -> bool:
    """Say whether a folder is what `train` or `pretrain-ica` wrote, or the `model` folder inside."""
    return any(
        (place / MANIFEST).is_file() and (place / WEIGHTS).is_file() for place in (folder, folder / "model")
    )


def model_folder(folder: Path) -> Path:
    """Return the folder that holds weights and manifest."""
    return folder if (folder / MANIFEST).is_file() else folder / "model"


def plan_model(folder: Path, repo: str, *, with_users: bool = False) -> Plan:
    """Check a model and say what its repository will hold.

    Args:
        folder: `train`'s or `pretrain-ica`'s --out, or the `model` folder inside.
        repo: ORG/NAME.
        with_users: publish `users.parquet`, which holds user ids and what they used.

    Raises:
        InputError: the name is none, weights or manifest are damaged, or no license is recorded.
    """
    check_repo(repo)
    inner = model_folder(folder)
    manifest = read_manifest(inner / MANIFEST)
    _check(inner, manifest)
    if not isinstance(manifest.get("license"), str):
        raise InputError(
            f"{folder} has no license; expected one before it is published. If the model may be shared, say how: "
            f"featurizer card {folder} --license ID (an SPDX id such as Apache-2.0)"
        )
    card = render_model_card(folder, repo=repo, with_users=with_users)
    beside = [folder / ITEMS, *([folder / USERS] if with_users else [])]
    if with_users and not (folder / USERS).is_file():
        raise InputError(
            f"{folder} holds no {USERS}; expected what 'featurizer train' writes, for --with-users"
        )
    own = sorted(path for path in inner.iterdir() if path.is_file() and path.name not in (ITEMS, USERS))
    own = [path for path in own if not path.name.startswith(".")]
    data = [path for path in own if path.suffix == ".safetensors"] + [
        path for path in beside if path.is_file()
    ]
    rest = [path for path in own if path not in data and path.name not in (CARD, MANIFEST)]
    files: list[PlannedFile] = [on_disk(path, _name(path, folder), last=False) for path in data]
    files += [on_disk(path, _name(path, folder)) for path in rest]
    files += [made(CARD, card.encode()), on_disk(inner / MANIFEST, _name(inner / MANIFEST, folder))]
    return Plan(repo, "model", folder, tuple(files), card, f"model {kind_of(manifest)}", OWNED)


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _check(inner: Path, manifest: Mapping[str, Json]) -> None:
    config = manifest.get("config")
    if not isinstance(config, dict) or manifest.get("fingerprint") != fingerprint(config):
        raise InputError(
            f"{inner / MANIFEST}: its fingerprint is not that of its configuration; train the model again"
        )
    try:
        with safe_open(inner / WEIGHTS, framework="np") as file:
            file.keys()
    except (SafetensorError, OSError) as error:
        raise InputError(f"{inner / WEIGHTS} is damaged ({error}); train the model again") from error


def kind_of(manifest: Mapping[str, Json]) -> str:
    """Return what a model is called: alignrec, lightgcn, …; a pre-trained encoder names no recommender."""
    return str(manifest.get("model") or manifest.get("model_type") or "ica")


def render_model_card(folder: Path, *, repo: str | None = None, with_users: bool = False) -> str:
    """Return a model's card from its manifest; nothing is written."""
    inner = model_folder(folder)
    manifest = read_manifest(inner / MANIFEST)
    splits = {name: manifest.get(name) for name in ("valid", "test")}
    results = {name: values for name, values in splits.items() if isinstance(values, dict) and values}
    metrics = list(dict.fromkeys(name for values in results.values() for name in values))
    license = hub_license(str(manifest["license"]) if manifest.get("license") else None)
    return render(
        "model.md.j2",
        {
            "kind": kind_of(manifest),
            "recommender": "model" in manifest,
            "license": license,
            "config": json.dumps(manifest.get("config"), indent=2, ensure_ascii=False),
            "fingerprint": manifest.get("fingerprint"),
            "facts": {
                name: manifest[name]
                for name in (
                    "best_epoch",
                    "epochs",
                    "seconds",
                    "seed",
                    "train_items",
                    "valid_items",
                    "valid_loss",
                )
                if isinstance(manifest.get(name), (int, float, str))
            },
            "accuracies": _rows(manifest, "masked_accuracy"),
            "probes": _rows(manifest, "probe"),
            "terms": _terms(manifest),
            "data": manifest.get("data") if isinstance(manifest.get("data"), dict) else {},
            "versions": manifest.get("versions") if isinstance(manifest.get("versions"), dict) else {},
            "results": results,
            "metrics": metrics,
            "with_users": with_users,
            "repo": repo or "ORG/NAME",
            "paper": ALIGNREC,
        },
    )


def _rows(manifest: Mapping[str, Json], name: str) -> list[dict[str, Json]]:
    rows = manifest.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _terms(manifest: Mapping[str, Json]) -> dict[str, Json]:
    """Return the weights of a pre-trained encoder's optional terms that were on."""
    found: Json = manifest.get("config")
    for name in ("options", "objective"):
        found = found.get(name) if isinstance(found, dict) else None
    objective = found if isinstance(found, dict) else {}
    return {name: objective[name] for name in ("contrastive", "copurchase") if objective.get(name)}


def write_model_card(folder: Path, *, license: str | None = None) -> Path:
    """Write a model's README.md again, recording a license first if one is given, and return its path.

    Raises:
        InputError: the license is empty.
    """
    inner = model_folder(folder)
    if license is not None:
        if not license.strip():
            raise InputError("the license is empty; expected an SPDX id such as Apache-2.0")
        record(inner / MANIFEST, {"license": license.strip()})
    with atomic_path(folder / CARD) as partial:
        partial.write_text(render_model_card(folder), "utf-8")
    return folder / CARD
