"""`export.json`: what an export says of itself, so that importing it loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from featurizer.errors import InputError
from featurizer.results.manifests.manifest import Manifest, Record, read_as
from featurizer.results.names import EXPORT

FORMAT_VERSION = 1


class SpaceEntry(Record):
    """One space in the export."""

    name: str
    """As in the feature set."""
    file: str
    """Where it lies, relative to the folder."""
    modality: Literal["image", "text", "both"]
    """What it was made from."""
    dim: int
    """Numbers a vector."""
    dtype: Literal["float32", "float16"]
    """As the feature set stores it."""
    fill: Literal["zero", "mean", "null"] | None
    """What stands where the vector is missing; none when none is."""
    missing_rows: list[int]
    """Rows without a vector of their own."""
    provenance: dict[str, JsonValue]
    """What the feature set's manifest says of the space."""


class Sidecar(Manifest):
    """An export."""

    format_version: Literal[1]
    """Of this file."""
    featurizer_version: str
    """What wrote it."""
    format: str
    """As `--format` names it."""
    rows: int
    """Items, in the order of the rows."""
    left_out: int
    """Items of the feature set that no interaction names, where the format has room for those alone."""
    added: int
    """Items that only the interactions name; they have no vector."""
    interactions: int | None
    """Rows of the interactions."""
    spaces: list[SpaceEntry]
    """In order."""
    feature_set: dict[str, JsonValue]
    """Fingerprint, source and text recipe of the feature set."""
    supervised: list[str] = Field(default_factory=list)
    """Ids of the items whose interactions taught a space."""
    files: list[str]
    """What the export wrote beside this file."""


def read_sidecar(folder: Path) -> Sidecar | None:
    """Read an export's sidecar; None where there is none.

    Raises:
        InputError: it is not what `featurizer export` writes.
    """
    path = folder / EXPORT
    if not path.is_file():
        return None
    sidecar = read_as(Sidecar, path, cure="Expected what 'featurizer export' writes; export it again.")
    for space in sidecar.spaces:
        if Path(space.file).is_absolute() or ".." in Path(space.file).parts:
            raise InputError(f"{path}: the file '{space.file}' lies outside the folder; expected one inside")
    return sidecar
