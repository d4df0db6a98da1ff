"""Plug-ins through entry points: names are listed without importing anybody's code."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from featurizer.errors import FeaturizerError, UnknownName

ENCODERS = "featurizer.encoders"
TOKEN_ENCODERS = "featurizer.token_encoders"
SOURCES = "featurizer.sources"
SCORERS = "featurizer.scorers"


def names(group: str) -> list[str]:
    """List the plug-ins of an entry-point group, sorted; nothing is imported."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, name: str) -> object:
    """Import one plug-in.

    Raises:
        UnknownName: no installed package offers that name.
        FeaturizerError: the plug-in's own module fails to import; the message names its package.
    """
    points = [point for point in entry_points(group=group) if point.name == name]
    if not points:
        kind = group.removeprefix("featurizer.").removesuffix("s").replace("_", " ")
        raise UnknownName(kind, name, names(group))
    return _import(points[0])


def _import(point: EntryPoint) -> object:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        package = point.dist.name if point.dist else "an unknown package"
        raise FeaturizerError(
            f"plug-in '{point.name}' of {package} cannot be imported from {point.value}: {error}. "
            "Reinstall that package or remove it."
        ) from error
