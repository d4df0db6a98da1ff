"""`featurizer encoders`: which encoders there are, and what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from featurizer.cli.console import result, result_json, table

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def encoders(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the encoder presets: model, dimensions, licence, and whether they can run here.

    Example: featurizer encoders show clip
    """
    if context.invoked_subcommand is None:
        print(as_json)
