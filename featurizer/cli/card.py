"""`featurizer card`: render a feature set's card again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli.console import result, result_json, say


def card(
    path: Annotated[Path, typer.Argument(help="A feature set, or a model's folder.", metavar="DIR")],
    license: Annotated[
        str | None, typer.Option(help="Record the license that the vectors go out under, an SPDX id.")
    ] = None,
    catalog: Annotated[Path | None, typer.Option(help="The catalog, for titles in the examples.")] = None,
    scores: Annotated[Path | None, typer.Option(help="Take this scores.json into the set.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write README.md, the card, and croissant.json again from manifest and scores.

    Example: featurizer card ./features --license CC-BY-4.0
    """
    from featurizer.release.licenses import unknown_license
    from featurizer.release.recard import recard

    written = recard(path, license=license, catalog=catalog, scores=scores)
    if as_json:
        result_json({"out": str(path), "files": [str(file) for file in written]})
    else:
        result("\n".join(str(file) for file in written))
    note = unknown_license(license) if license is not None else None
    if note is not None:
        say(note)
