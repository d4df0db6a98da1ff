"""A folder's cards, written again with what is known now."""

from __future__ import annotations

import shutil
from pathlib import Path

from featurizer.catalog.store import Catalog
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.release.card import write_card
from featurizer.release.croissant import write_croissant
from featurizer.release.examples import find_examples, store_examples, with_titles
from featurizer.release.model import is_model, write_model_card
from featurizer.results.files import atomic_path
from featurizer.results.names import FEATURE_SET, SCORES, SIGNATURE
from featurizer.results.spelling import record
from featurizer.scoring.document import read_scores


def recard(
    folder: Path, *, license: str | None = None, catalog: Path | None = None, scores: Path | None = None
) -> list[Path]:
    """Write a model's card, or a feature set's card and Croissant metadata again and return what was written.

    Args:
        folder: the feature set or model.
        license: recorded in the manifest as the license of the vectors.
        catalog: where the titles of the examples come from.
        scores: a `scores.json` to take into the folder.

    Raises:
        InputError: no feature set, no catalog, or no scores there.
    """
    if is_model(folder):
        if catalog is not None or scores is not None:
            raise InputError(f"{folder} is a model; --catalog and --scores are for feature sets")
        return [write_model_card(folder, license=license)]
    feature_set = FeatureSet.open(folder)
    if license is not None:
        if not license.strip():
            raise InputError("the license is empty; expected an SPDX id such as CC-BY-4.0")
        record(folder / FEATURE_SET, {"license": license.strip()})
        feature_set = FeatureSet.open(folder)
    if scores is not None:
        _take_scores(scores, folder)
    if catalog is not None:
        store_examples(feature_set, with_titles(find_examples(feature_set, {}), Catalog.open(catalog)))
    return [write_card(feature_set), write_croissant(feature_set)]


def unsigned(folder: Path) -> list[str]:
    """Say that a signature does not cover what was just written; nothing of a folder without one."""
    if not (folder / SIGNATURE).exists():
        return []
    return [
        f"{folder} was signed without what is written now: featurizer verify {folder} --sign KEY signs it again"
    ]


def _take_scores(path: Path, folder: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path} is no file; expected the {SCORES} that 'featurizer score-features' writes")
    read_scores(path)
    if path.resolve() != (folder / SCORES).resolve():
        with atomic_path(folder / SCORES) as partial:
            shutil.copyfile(path, partial)
