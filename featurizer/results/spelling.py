"""Manifests written before the house spelled as Americans do: their keys are read as today's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.files import read_json, write_json
from featurizer.results.seal import SEAL, is_intact, sealed

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
        InputError: the file is missing, is no JSON object, or nested too deeply.
    """
    found = read_json(path)
    try:
        return {
            AMERICAN.get(key, key): value if key == "config" else _named(key, value)
            for key, value in found.items()
        }
    except RecursionError:
        raise InputError(f"{path} is nested too deeply; expected what featurizer writes") from None


def record(path: Path, fields: Mapping[str, Json]) -> None:
    """Write some fields of a finished manifest anew; all else stays as it was written.

    Raises:
        InputError: the file is missing, is no JSON object, or was changed since it was written.
        OutputError: it cannot be written.
    """
    found = read_json(path)
    if not is_intact(found):
        raise InputError(
            f"{path} was changed since it was written: its {SEAL} is not that of its content. Make or fetch the "
            "result again; what a manifest says is recorded by commands alone"
        )
    kept = {key: value for key, value in found.items() if AMERICAN.get(key) not in fields}
    write_json(path, sealed({**kept, **fields}) if SEAL in found else {**kept, **fields})
