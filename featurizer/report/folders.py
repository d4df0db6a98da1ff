"""What the given folders hold, told by the manifests in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurizer.catalog.store import Catalog
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.release.model import is_model, model_folder
from featurizer.results.names import CATALOG, FEATURE_SET, MODEL, SCORES
from featurizer.scoring.spaces import folder_labels

EXPECTED = (
    "a catalog, a feature set, the output of 'featurizer score-features', 'train' or 'pretrain-ica', "
    "or a folder of these"
)


@dataclass(frozen=True, slots=True)
class Folders:
    """The finished results among the given folders, each by its label.

    Attributes:
        catalogs: titles, categories, pictures.
        feature_sets: the vectors.
        scores: files called `scores.json`.
        models: folders that hold a model's `manifest.json`.
    """

    catalogs: dict[str, Catalog]
    feature_sets: dict[str, FeatureSet]
    scores: dict[str, Path]
    models: dict[str, Path]


def open_folders(given: Sequence[Path]) -> Folders:
    """Open all that the folders hold; a folder that is no result itself is looked into, one level deep.

    Raises:
        InputError: a folder is missing or holds nothing that a report shows.
    """
    places = list(dict.fromkeys(place.resolve() for folder in given for place in _results(folder)))
    labels = dict(zip(places, folder_labels(places), strict=True))
    return Folders(
        {labels[place]: Catalog.open(place) for place in places if (place / CATALOG).is_file()},
        {labels[place]: FeatureSet.open(place) for place in places if (place / FEATURE_SET).is_file()},
        {labels[place]: place / SCORES for place in places if (place / SCORES).is_file()},
        {labels[place]: model_folder(place) for place in places if is_model(place)},
    )


def _results(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; expected {EXPECTED}")
    found = list(_within(folder))
    if not found:
        found = [place for child in sorted(folder.iterdir()) if child.is_dir() for place in _within(child)]
    if not found:
        raise InputError(
            f"{folder} holds no {CATALOG}, {FEATURE_SET}, {SCORES} or model/{MODEL}; expected {EXPECTED}. "
            "Finish the command that writes there, or give another folder."
        )
    yield from found


def _within(folder: Path) -> Iterator[Path]:
    """Yield the folder if it is a result, and the feature set that `pretrain-ica` leaves inside."""
    if any((folder / name).is_file() for name in (CATALOG, FEATURE_SET, SCORES)) or is_model(folder):
        yield folder
    inner = folder / "features"
    if is_model(folder) and (inner / FEATURE_SET).is_file():
        yield inner
