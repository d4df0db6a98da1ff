"""What the steps that make or read the same kind of thing say of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.operations.operation import Outcome
from featurizer.records import NONE, OK

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet


def catalog_outcome(catalog: Catalog) -> Outcome:
    """Count a catalog's items, pictures and pairs."""
    statuses, history = catalog.manifest["image_status"], catalog.manifest.get("interactions")
    assert isinstance(statuses, dict)
    failed = sum(int(str(count)) for status, count in statuses.items() if status not in (OK, NONE))
    parts = [f"{catalog.rows:,} items", f"{int(str(statuses.get(OK, 0))):,} pictures"]
    parts += [f"{failed:,} pictures failed"] if failed else []
    if isinstance(history, dict) and history:
        parts.append(f"{int(str(history['interactions'])):,} pairs of {int(str(history['users'])):,} users")
    return Outcome(", ".join(parts), (catalog.folder / "items",))


def encoder_folders(field: str, encoders: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Yield the local folders that encoders are loaded from, with the field that names them."""
    from featurizer.encoders.resolve import local_folder

    for name in encoders:
        folder = local_folder(name)
        if folder is not None:
            yield field, folder


def features_summary(features: FeatureSet) -> str:
    """Name a set's spaces with their lengths, and count its items and failures."""
    spaces = ", ".join(f"{name} ({spec['dim']})" for name, spec in features.spaces.items())
    failed = int(str(features.manifest["failed"]))
    return f"{features.rows:,} items, {failed:,} failed: {spaces}"
