"""The installed versions that a vector depends on."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from featurizer.encoders.family import own_families
from featurizer.records import Json

COMMON = ("torch", "numpy", "pillow", "pyarrow", "datasets")
"""What every vector depends on: arithmetic, pictures, and how both are stored."""


def library_versions() -> dict[str, Json]:
    """Return the installed version of every library that can change a vector.

    Of featurizer's own families all count, whichever made a vector: a trained alignment reads any of them.
    """
    named = {library for family in own_families() for library in family.libraries}
    return {name: found for name in sorted({*COMMON, *named}) if (found := _version(name))}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
