"""A learned map on disk: `align.safetensors`, `supervised.parquet`; `manifest.json` is written last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ConfigDict, Field, JsonValue, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from featurizer.alignment.content import ContentMap
from featurizer.alignment.learned import Choice
from featurizer.alignment.mapping import Mapping
from featurizer.config import Config, describe
from featurizer.errors import InputError
from featurizer.features.supervised import SUPERVISED, read_supervised, write_supervised
from featurizer.records import Json
from featurizer.results.files import atomic_path, read_json
from featurizer.results.names import MODEL

FORMAT_VERSION = 1
WEIGHTS = "align.safetensors"
SPACE = "aligned"


class LearnedSpace(Config):
    """A space that the map was learned on: its name, what it reads, its length, and its whole provenance."""

    name: str
    modality: str
    dim: int
    provenance: dict[str, object]


class AlignManifest(Config):
    """What `manifest.json` says of a map."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    format_version: int
    """Of this file."""
    model_type: str
    """Always `align`."""
    spaces: tuple[LearnedSpace, ...]
    """What is mapped, in order."""
    weights: tuple[float, ...]
    """Of each space in the join."""
    width: int
    """Length of the aligned vectors."""
    interactions: str
    """The sha256 of the file whose train rows taught the map."""
    choice: Choice
    """What was chosen, and by what."""
    requests: tuple[str, ...] = ()
    """What `--encoder` takes to make the spaces of new items; none of a set that no encoder of ours made."""
    user_items: int | None = None
    """How many items of a user were counted, at most."""
    sampled_users: int
    """How many users have more items than were counted."""
    foreign_pairs: int = 0
    """Train rows of items that the feature set does not hold."""
    supervised_items: int
    """How many items those rows are of; `supervised.parquet` lists them."""
    weight_hash: str
    """The sha256 of `align.safetensors`."""
    files: dict[str, str] = Field(default_factory=dict)
    """The sha256 of what lies beside it, by name; empty where an earlier version wrote it."""
    fingerprint: str
    """Of the stage."""
    config: dict[str, JsonValue]
    """Of the stage: what the map was asked for."""


@dataclass(frozen=True, slots=True)
class SavedMap:
    """A map with what it needs to be applied.

    Attributes:
        folder: where it lies.
        mapping: spaces to aligned vectors.
        manifest: what it was learned on.
    """

    folder: Path
    mapping: Mapping
    manifest: AlignManifest

    @property
    def supervised(self) -> list[str]:
        """The ids of the items whose interactions taught it."""
        return read_supervised(self.folder / SUPERVISED)

    @property
    def told(self) -> dict[str, Json]:
        """What a manifest says of how it was learned, and what it takes to learn it again."""
        config: dict[str, Json] = dict(self.manifest.config)
        return {
            "spaces": [space.name for space in self.manifest.spaces],
            "weights": list(self.manifest.weights),
            "given_weights": config["weights"],
            "options": config["options"],
        }

    @property
    def supervision(self) -> dict[str, Json]:
        """What a manifest says of the interactions that taught it."""
        return {"interactions": self.manifest.interactions, "items": self.manifest.supervised_items}


def write_mapping(folder: Path, mapping: Mapping, supervised: Sequence[str]) -> None:
    """Write the numbers, and which items taught them; the stage writes the manifest."""
    content = mapping.content
    assert content.basis is not None
    tensors = {f"mean_{place}": mean for place, mean in enumerate(content.means)}
    tensors |= {"weights": np.array(content.weights), "basis": content.basis, "matrix": mapping.matrix}
    with atomic_path(folder / WEIGHTS) as partial:
        save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, partial)
    write_supervised(folder / SUPERVISED, supervised)


def model_folder(path: Path) -> Path:
    """Return the folder that holds the map: `path`, or `path/model` when `path` is what --out named."""
    return path / "model" if (path / "model" / MODEL).exists() else path


def load_map(path: Path) -> SavedMap:
    """Read a map.

    Raises:
        InputError: there is none, it is of another version, or damaged.
    """
    folder = model_folder(path)
    if not (folder / MODEL).exists():
        raise InputError(
            f"{folder} holds no {MODEL}; expected a map made by 'featurizer align'. Finish or make one."
        )
    manifest = _manifest(folder / MODEL, read_json(folder / MODEL))
    try:
        found = load_file(folder / WEIGHTS)
        means = tuple(found[f"mean_{place}"] for place in range(len(manifest.spaces)))
        weights = tuple(float(weight) for weight in found["weights"])
        content = ContentMap(means, weights, found["basis"])
        mapping = Mapping(content, found["matrix"])
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(
            f"the map in {folder} is damaged: {error}. Copy it again, or align again."
        ) from error
    return SavedMap(folder, mapping, manifest)


def _manifest(path: Path, document: Json) -> AlignManifest:
    try:
        manifest = AlignManifest.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{describe(error, path)}; expected what 'featurizer align' writes") from error
    if (manifest.model_type, manifest.format_version) != ("align", FORMAT_VERSION):
        raise InputError(
            f"{path} is of {manifest.model_type} format {manifest.format_version}; this version reads align format "
            f"{FORMAT_VERSION}. Use the version that made it, or align again."
        )
    return manifest


def provenance(saved: SavedMap) -> dict[str, Json]:
    """Return what a manifest says of the aligned space; `supervised` is what tells it from content alone."""
    manifest = saved.manifest
    return {
        "family": "align",
        "model": "aligned",
        "source": "featurizer align",
        "weight_hash": manifest.weight_hash,
        "pooling": "linear map",
        "normalized": True,
        "preprocessing": saved.told,
        "compute_dtype": "float32",
        "supervised": saved.supervision,
    }
