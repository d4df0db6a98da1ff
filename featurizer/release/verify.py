"""Is what a folder holds what its manifests say? Of whatever kind it is, and of every result inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from featurizer.catalog.store import Catalog
from featurizer.catalog.verify import unrecorded as unrecorded_of_catalog
from featurizer.catalog.verify import verify_catalog
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.verify import unrecorded, verify
from featurizer.release.verify_beside import verify_beside, verify_scores
from featurizer.release.verify_model import verify_model
from featurizer.results.findings import Findings
from featurizer.results.names import CATALOG, FEATURE_SET, MODEL, SCORES

HOLDS = (
    ("catalog", CATALOG),
    ("feature set", FEATURE_SET),
    ("model", f"model/{MODEL}"),
    ("model", MODEL),
    ("scores", SCORES),
)
"""Kinds by the manifest that tells them; the first that is there says what a folder is."""


def kind_of_folder(folder: Path) -> str:
    """Return what a folder holds: a catalog, a feature set, a model or scores.

    Raises:
        InputError: it is no folder, or holds no manifest of these.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected one that a featurizer command wrote")
    found = next((kind for kind, manifest in HOLDS if (folder / manifest).exists()), None)
    unfinished = found == "scores" and any((folder / name).is_dir() for name in ("data", "items", "model"))
    if found is None or unfinished:  # a set may hold scores, too
        names = ", ".join(dict.fromkeys(Path(manifest).name for _, manifest in HOLDS))
        raise InputError(
            f"{folder} holds none of {names}: it is no finished result. Run the command that makes it again, to finish "
            "it, or give the folder that was its --out"
        )
    return found


def verify_folder(folder: Path) -> Findings:
    """Look at all that a folder holds; a model's folder may hold features too.

    Raises:
        InputError: it holds nothing that can be verified, or a manifest is damaged.
    """
    looks: dict[str, Callable[[Path], Findings]] = {
        "catalog": verify_whole_catalog,
        "feature set": verify_whole_set,
        "model": _model,
        "scores": verify_scores,
    }
    return looks[kind_of_folder(folder)](folder)


def verify_whole_catalog(folder: Path) -> Findings:
    """Look at a catalog.

    Raises:
        InputError: there is none, or its manifest is damaged.
    """
    catalog = Catalog.open(folder)
    return Findings.of(verify_catalog(catalog), unrecorded_of_catalog(catalog))


def verify_whole_set(folder: Path) -> Findings:
    """Look at a feature set, and, where that is whole, at what lies beside it.

    Raises:
        InputError: there is none, or its manifest is damaged.
    """
    features = FeatureSet.open(folder)
    found = Findings.of(verify(features), unrecorded(features))
    if found.problems:
        return found + Findings.of(
            (), ["card, scores, examples and Croissant are compared once the set is whole"]
        )
    return found + verify_beside(features)


def _model(folder: Path) -> Findings:
    found = verify_model(folder)
    if (folder / "features" / FEATURE_SET).exists():
        found += verify_whole_set(folder / "features").within("features")
    return found
