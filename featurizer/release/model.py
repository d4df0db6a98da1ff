"""A trained model, described and made ready to publish: users stay at home unless they are asked along."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from featurizer.errors import InputError
from featurizer.release.citations import paper_of_model
from featurizer.release.evaluation import evaluation_results
from featurizer.release.licenses import hub_license
from featurizer.release.markdown import render
from featurizer.release.plan import Plan, PlannedFile, check_repo, made, on_disk
from featurizer.results.files import atomic_path
from featurizer.results.manifests.ica import IcaManifest
from featurizer.results.manifests.model import ModelManifest, read_model_manifest
from featurizer.results.manifests.recommender import RecommenderManifest
from featurizer.results.names import CARD, ITEMS, MODEL, SIGNATURE, USERS, WEIGHTS
from featurizer.results.spelling import record

FACTS = ("training", "best_epoch", "epochs", "seconds", "seed", "train_items", "valid_items", "valid_loss")
"""What a card tells of the training."""
TRAINED = {
    "latent": "the join of both; a network trained on masked views completes what is missing",
    "alignrec": "trained by mask-then-predict",
}
"""How the unified vector came about, by objective."""
UNTRAINED = "the join of both, what is missing guessed in closed form; training was not used"


def is_model(folder: Path) -> bool:
    """Say whether a folder is what `train` or `pretrain-ica` wrote, or the `model` folder inside."""
    return any(
        (place / MODEL).is_file() and (place / WEIGHTS).is_file() for place in (folder, folder / "model")
    )


def model_folder(folder: Path) -> Path:
    """Return the folder that holds weights and manifest."""
    return folder if (folder / MODEL).is_file() else folder / "model"


def plan_model(folder: Path, repo: str, *, with_users: bool = False, benchmark: str | None = None) -> Plan:
    """Check a model and say what its repository will hold.

    Args:
        folder: `train`'s or `pretrain-ica`'s --out, or the `model` folder inside.
        repo: ORG/NAME.
        with_users: publish `users.parquet`, which holds user ids and what they used.
        benchmark: the Hub's data set that the test results are of, ORG/NAME[@REVISION]; None to publish none apart.

    Raises:
        InputError: the name is none, weights or manifest are damaged, no license is recorded, or there are no results.
    """
    check_repo(repo)
    inner = model_folder(folder)
    manifest = read_model_manifest(inner / MODEL)
    _check(inner, manifest)
    if manifest.license is None:
        raise InputError(
            f"{folder} has no license; expected one before it is published. If the model may be shared, say how: "
            f"featurizer card {folder} --license ID (an SPDX id such as Apache-2.0; of a private release any name)"
        )
    card = render_model_card(folder, repo=repo, with_users=with_users)
    beside = [folder / ITEMS, *([folder / USERS] if with_users else [])]
    if with_users and not (folder / USERS).is_file():
        raise InputError(
            f"{folder} holds no {USERS}; expected what 'featurizer train' writes, for --with-users"
        )
    own = sorted(
        path for path in inner.iterdir() if path.is_file() and path.name not in (ITEMS, USERS, SIGNATURE)
    )
    own = [path for path in own if not path.name.startswith(".")]
    data = [path for path in own if path.suffix == ".safetensors"] + [
        path for path in beside if path.is_file()
    ]
    rest = [path for path in own if path not in data and path.name not in (CARD, MODEL)]
    files: list[PlannedFile] = [on_disk(path, _name(path, folder)) for path in data]
    files += [on_disk(path, _name(path, folder)) for path in rest]
    files += [_evaluated(folder, manifest, repo, benchmark)] if benchmark is not None else []
    files += [made(CARD, card.encode()), on_disk(inner / MODEL, _name(inner / MODEL, folder))]
    return Plan(repo, "model", folder, tuple(files), card, f"model {kind_of(manifest)}")


def _evaluated(folder: Path, manifest: ModelManifest, repo: str, benchmark: str) -> PlannedFile:
    if not isinstance(manifest, RecommenderManifest):
        raise InputError(
            f"{folder} is no recommender; --benchmark is for results on a test split. Leave it out"
        )
    return evaluation_results(manifest, repo, benchmark)


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _check(inner: Path, manifest: ModelManifest) -> None:
    if not manifest.fits_its_config:
        raise InputError(
            f"{inner / MODEL}: its fingerprint is not that of its configuration; train the model again"
        )
    try:
        with safe_open(inner / WEIGHTS, framework="np") as file:
            file.keys()
    except (SafetensorError, OSError) as error:
        raise InputError(f"{inner / WEIGHTS} is damaged ({error}); train the model again") from error


def kind_of(manifest: ModelManifest) -> str:
    """Return what a model is called: alignrec, lightgcn, …; a pre-trained encoder names no recommender."""
    return manifest.model if isinstance(manifest, RecommenderManifest) else manifest.model_type


def render_model_card(folder: Path, *, repo: str | None = None, with_users: bool = False) -> str:
    """Return a model's card from its manifest; nothing is written."""
    manifest = read_model_manifest(model_folder(folder) / MODEL)
    license, license_name = hub_license(manifest.license)
    facts = {name: value for name in FACTS if (value := getattr(manifest, name, None)) is not None}
    return render(
        "model.md.j2",
        {
            "kind": kind_of(manifest),
            "recommender": isinstance(manifest, RecommenderManifest),
            "license": license,
            "license_name": license_name,
            "config": json.dumps(manifest.config, indent=2, ensure_ascii=False),
            "fingerprint": manifest.fingerprint,
            "facts": facts,
            **_told(manifest),
            "with_users": with_users,
            "repo": repo or "ORG/NAME",
            "paper": paper_of_model(kind_of(manifest)),
        },
    )


def _told(manifest: ModelManifest) -> dict[str, object]:
    """Return what the card tells of one kind of model, empty for the other."""
    return _of_alignment(manifest) if isinstance(manifest, IcaManifest) else _of_recommender(manifest)


def _of_recommender(manifest: RecommenderManifest) -> dict[str, object]:
    splits = {"valid": manifest.valid, "test": manifest.test}
    results = {name: values for name, values in splits.items() if values}
    return {
        "results": results,
        "metrics": list(dict.fromkeys(name for values in results.values() for name in values)),
        "data": manifest.data,
        "versions": manifest.versions,
        "accuracies": [],
        "probes": [],
        "terms": {},
    }


def _of_alignment(manifest: IcaManifest) -> dict[str, object]:
    used = manifest.training != "not used"
    return {
        "trained": TRAINED["latent" if manifest.fills else "alignrec"] if used else UNTRAINED,
        "results": {},
        "metrics": [],
        "data": {},
        "versions": {},
        "accuracies": [row.document() for row in manifest.masked_accuracy] if used else [],
        "probes": [row.document() for row in manifest.probe],
        "terms": manifest.terms if used else {},
    }


def write_model_card(folder: Path, *, license: str | None = None) -> Path:
    """Write a model's README.md again, recording a license first if one is given, and return its path.

    Raises:
        InputError: the license is empty.
    """
    inner = model_folder(folder)
    if license is not None:
        if not license.strip():
            raise InputError("the license is empty; expected an SPDX id such as Apache-2.0")
        record(inner / MODEL, {"license": license.strip()})
    with atomic_path(folder / CARD) as partial:
        partial.write_text(render_model_card(folder), "utf-8")
    return folder / CARD
