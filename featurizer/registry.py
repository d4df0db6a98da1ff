"""Plug-ins through entry points: names are listed without importing anybody's code."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TypeVar

from featurizer.errors import FeaturizerError, MissingExtra, UnknownName, pip_line

OWN = "featurizer"
ENCODERS = "featurizer.encoders"
SOURCES = "featurizer.sources"
SCORERS = "featurizer.scorers"
FORMATS = "featurizer.formats"
RECOMMENDERS = "featurizer.recommenders"

PluginT = TypeVar("PluginT")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plugin:
    """The installed package that offers a plug-in."""

    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class Extra:
    """What a plug-in needs beyond the package that it comes in.

    Attributes:
        modules: import names; they are looked for, never imported.
        name: the optional dependency that brings them; None where the plain package does.
        package: whose optional dependency it is.
    """

    modules: tuple[str, ...] = ()
    name: str | None = None
    package: str = OWN

    @property
    def installed(self) -> bool:
        """True when every module is there."""
        return all(map(_is_there, self.modules))

    @property
    def pip_line(self) -> str:
        """What brings the modules."""
        return pip_line(self.name, self.package)

    def require(self, what: str) -> None:
        """Stop early when a module is missing.

        Raises:
            MissingExtra: one is; the message carries the pip line.
        """
        if not self.installed:
            raise MissingExtra(what, self.name, self.package)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is not there either
        return False


def names(group: str) -> list[str]:
    """List the plug-ins of an entry-point group, sorted; nothing is imported."""
    return sorted({point.name for point in entry_points(group=group)})


def providers(group: str) -> dict[str, Plugin | None]:
    """Return who offers each name of a group: None for featurizer itself, whose names come first, sorted."""
    found: dict[str, Plugin | None] = {}
    for point in entry_points(group=group):
        dist = point.dist
        other = dist is not None and dist.name != OWN
        found.setdefault(point.name, Plugin(dist.name, dist.version) if other and dist else None)
    return dict(sorted(found.items(), key=lambda entry: (entry[1] is not None, entry[0])))


def plugin_versions(group: str, asked: Iterable[str]) -> dict[str, str]:
    """Return the version of every package but featurizer that offers one of these names, by package."""
    offering = providers(group)
    found = [package for name in asked if (package := offering.get(name)) is not None]
    return {
        package.distribution: package.version for package in sorted(found, key=lambda one: one.distribution)
    }


def working(names: Iterable[str], load: Callable[[str], PluginT]) -> Iterator[PluginT]:
    """Yield what names stand for, one by one; a plug-in that cannot be loaded is left out with a warning."""
    for name in names:
        try:
            yield load(name)
        except FeaturizerError as error:
            logger.warning("%s", error)


def load(group: str, name: str) -> object:
    """Import one plug-in.

    Raises:
        UnknownName: no installed package offers that name.
        FeaturizerError: the plug-in's own module fails to import; the message names its package.
    """
    points = [point for point in entry_points(group=group) if point.name == name]
    if not points:
        kind = group.removeprefix("featurizer.").removesuffix("s")
        raise UnknownName(kind, name, names(group))
    return _import(points[0])


def _import(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:  # whatever a plug-in's module raises is that package's fault, and named so
        package = point.dist.name if point.dist else "an unknown package"
        raise FeaturizerError(
            f"plug-in '{point.name}' of {package} cannot be imported from {point.value}: {error}. "
            "Reinstall that package or remove it."
        ) from error
