"""The installed versions that a vector depends on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from featurizer.encoders.family import find_family, own_families
from featurizer.encoders.naming import family_of
from featurizer.records import Json
from featurizer.registry import ENCODERS, plugin_versions, providers

COMMON = ("torch", "numpy", "pillow", "pyarrow", "datasets")
"""What every vector depends on: arithmetic, pictures, and how both are stored."""


def library_versions(requests: Iterable[str | None] = ()) -> dict[str, Json]:
    """Return the installed version of every distribution that can change a vector.

    Of featurizer's own families the libraries of all count, since a trained alignment reads any of them; of plug-ins
    those that are asked for, with the plug-in's own package.

    Args:
        requests: the encoders as the user names them; None for one that was put together by hand.
    """
    packages = providers(ENCODERS)
    plugged = {family_of(text) for text in requests if text is not None}
    plugins = {name: package for name, package in packages.items() if package is not None and name in plugged}
    families = [*own_families(), *(family for name in plugins if (family := find_family(name)))]
    named = {library for family in families for library in family.libraries}
    found = {name: _version(name) for name in {*COMMON, *named}}
    found |= plugin_versions(ENCODERS, plugged)
    return {name: found[name] for name in sorted(found) if found[name] is not None}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
