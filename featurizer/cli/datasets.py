"""`featurizer datasets`: what `featurizer download` can fetch."""

from __future__ import annotations

from typing import Annotated

import typer

from featurizer.cli.console import result, result_json, say, table

app = typer.Typer(rich_markup_mode=None)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback(invoke_without_command=True)
def datasets(context: typer.Context, as_json: Json = False) -> None:
    """List the datasets of data_manifest.yaml.

    Example: featurizer datasets show amazon-2014-baby
    """
    if context.invoked_subcommand is not None:
        return
    from featurizer.catalog.datasets import load_datasets

    found = load_datasets()
    if as_json:
        result_json({name: entry.model_dump() for name, entry in found.items()})
        return
    rows = [
        [name, entry.title, entry.expected.users, entry.expected.items, entry.split, entry.license]
        for name, entry in found.items()
    ]
    result(table(["name", "title", "users", "items", "split", "license"], rows))
    say("Get one with: featurizer download NAME --out DIR")


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A dataset's name.")], as_json: Json = False) -> None:
    """Show one dataset: addresses, format, terms, citation, expected statistics.

    Example: featurizer datasets show amazon-2023-all-beauty
    """
    from featurizer.catalog.datasets import get_dataset

    entry = get_dataset(name).model_dump(exclude_none=True)
    if as_json:
        result_json({"name": name, **entry})
    else:
        result("\n".join(f"{key}: {_plain(value)}" for key, value in entry.items() if value != {}))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items())
    return str(value)
