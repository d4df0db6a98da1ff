"""What operations that make or read feature sets share."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator

from featurizer.records import Json

if TYPE_CHECKING:
    from featurizer.features.feature_set import FeatureSet


def _encoder_text(value: object) -> object:
    from featurizer.encoders.options import encoder_text

    return encoder_text(value)


EncoderText = Annotated[str, BeforeValidator(_encoder_text)]
"""An encoder as it is typed, or the mapping that says the same."""


def encoder_folders(field: str, encoders: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Yield the local folders that encoders are loaded from, with the field that names them."""
    from featurizer.encoders.naming import local_folder

    for name in encoders:
        folder = local_folder(name)
        if folder is not None:
            yield field, folder


def check_encoders(encoders: Iterable[str], device: str) -> None:
    """Refuse a name that no encoder answers to, and a device that is not there; folders still to be made are let by.

    Raises:
        FeaturizerError: one of them will not do.
    """
    from featurizer.encoders.resolve import resolve

    check_device(device)
    for name in encoders:
        if all(folder.exists() for _, folder in encoder_folders("", [name])):
            resolve(name)


def check_device(device: str) -> None:
    """Refuse a device that is not there; where the choice is ours, nothing is imported.

    Raises:
        InputError: it is not.
    """
    from featurizer.encoders.device import resolve_device

    if device != "auto":
        resolve_device(device)


def nulls(features: FeatureSet) -> dict[str, int]:
    """Return how many items have no vector, by space."""
    return {name: spec.null for name, spec in features.spaces.items()}


def spaces_line(features: FeatureSet) -> str:
    """Name a set's spaces with their lengths, and count its items and failures."""
    spaces = ", ".join(f"{name} ({spec.dim})" for name, spec in features.spaces.items())
    return f"{features.rows:,} items, {features.manifest.failed:,} failed: {spaces}"


def look_inside(folder: Path) -> str:
    """Say how to look at a set."""
    return f"Look inside with: featurizer inspect {shlex.quote(str(folder))}"


def computing(encoders: Iterable[str], threads: int | None) -> dict[str, Json]:
    """Return what the bits of encoders' vectors depend on: versions of libraries and plug-ins, number of threads."""
    from featurizer.encoders.device import cpu_threads
    from featurizer.encoders.libraries import library_versions

    return {"libraries": library_versions(encoders), "threads": cpu_threads(threads)}
