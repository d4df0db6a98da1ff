"""The files that travel with the code: dataset manifest, card templates, recipes.

In a wheel they lie inside the package (`featurizer/_assets`); in a checkout they stand at the top level.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def asset(name: str) -> Traversable:
    """Return a shipped file or folder, `data_manifest.yaml`, `cards` or `pipelines`."""
    packaged = files("featurizer") / "_assets" / name
    if packaged.is_file() or packaged.is_dir():
        return packaged
    return Path(__file__).parent.parent / name
