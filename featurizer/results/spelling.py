"""Manifests written before the house spelled as Americans do: their keys are read as today's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from featurizer.records import Json
from featurizer.results.files import read_json, write_json

AMERICAN: Mapping[str, str] = {
    "licence": "license",
    "normalised": "normalized",
    "neighbours": "neighbors",
    "items_without_catalogue_row": "items_without_catalog_row",
    "leak": "probe",
}
"""Today's key by the one that was written."""
NAMES = frozenset({"columns", "encoders", "feature_sets", "masked", "spaces"})
"""Keys of objects whose own keys are names that somebody gave, and stay."""


def american(value: Json) -> Json:
    """Return a JSON value with today's keys, however deep; a newer file comes back as it is."""
    if isinstance(value, dict):
        return renamed(value)
    if isinstance(value, list):
        return [american(part) for part in value]
    return value


def renamed(value: Mapping[str, Json]) -> dict[str, Json]:
    """Return a JSON object with today's keys, however deep."""
    return {AMERICAN.get(key, key): _named(key, part) for key, part in value.items()}


def _named(key: str, value: Json) -> Json:
    if key in NAMES and isinstance(value, dict):
        return {name: american(part) for name, part in value.items()}
    return american(value)


def read_manifest(path: Path) -> dict[str, Json]:
    """Read a manifest under today's keys; `config` stays as it was written, for the fingerprint is of that.

    Raises:
        InputError: the file is missing or is no JSON object.
    """
    return {
        AMERICAN.get(key, key): value if key == "config" else _named(key, value)
        for key, value in read_json(path).items()
    }


def record(path: Path, fields: Mapping[str, Json]) -> None:
    """Write some fields of a finished manifest anew; all else stays as it was written.

    Raises:
        InputError: the file is missing or is no JSON object.
        OutputError: it cannot be written.
    """
    kept = {key: value for key, value in read_json(path).items() if AMERICAN.get(key) not in fields}
    write_json(path, {**kept, **fields})
