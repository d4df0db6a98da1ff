"""A manifest's hash of itself: a field that was changed after it was written is noticed, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping

from featurizer.records import Json
from featurizer.results.files import fingerprint
from featurizer.results.state import VOLATILE

SEAL = "manifest_sha256"
"""The field that holds it, the last of its file."""


def seal_of(manifest: Mapping[str, Json]) -> str:
    """Return the sha256 of a manifest as canonical JSON, without the hash itself and the volatile fields.

    Raises:
        ValueError: it holds what is no JSON, NaN for example.
    """
    return fingerprint({key: value for key, value in manifest.items() if key not in VOLATILE | {SEAL}})


def sealed(manifest: Mapping[str, Json]) -> dict[str, Json]:
    """Return a manifest with the hash of what else it says."""
    said = {key: value for key, value in manifest.items() if key != SEAL}
    return {**said, SEAL: seal_of(said)}


def is_intact(manifest: Mapping[str, Json]) -> bool:
    """Say whether a manifest is as it was written; one of an earlier version, without the hash, counts as such."""
    try:
        return SEAL not in manifest or manifest[SEAL] == seal_of(manifest)
    except ValueError:
        return False
