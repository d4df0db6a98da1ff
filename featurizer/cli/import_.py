"""`featurizer import`: another program's vectors as a feature set."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.console import result, result_json, say, table

if TYPE_CHECKING:
    from featurizer.records import Json


class Modality(StrEnum):
    """What vectors were made from."""

    image = "image"
    text = "text"
    both = "both"


class NullRows(StrEnum):
    """Which rows stand for a missing vector."""

    none = "none"
    zero = "zero"
    nan = "nan"


def import_(
    path: Annotated[Path, typer.Argument(help="A file or folder in the format.", metavar="PATH")],
    format_: Annotated[
        str,
        typer.Option(
            "--format", "-f", help="npy, mmrec, amazon-b, cornac, elliot, recbole, safetensors or lance."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the feature set into.")],
    space: Annotated[
        str | None,
        typer.Option(help="Name of the space, or the one to take.  [default: as the files have it]"),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            help="The items' ids: one a line, a JSON list, .npy, or a table with item_id or asin. In row order; "
            "of amazon-b, the items to take."
        ),
    ] = None,
    modality: Annotated[
        Modality | None, typer.Option(help="What the vectors were made from.  [default: by the space's name]")
    ] = None,
    null_rows: Annotated[
        NullRows, typer.Option(help="Which rows mean that there is no vector.")
    ] = NullRows.none,
    license: Annotated[str | None, typer.Option(help="License of the source, an SPDX id.")] = None,
    source: Annotated[str | None, typer.Option(help="Where the vectors come from.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a feature set of other contents.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read vectors into a feature set: what 'export' wrote comes back as it was, other files as their format has them.

    Example: featurizer import image_features_Baby.b --format amazon-b --ids i_id_mapping.csv --out ./features
    """
    from featurizer.release.card import write_card
    from featurizer.release.exchange.import_ import ImportOptions, import_set
    from featurizer.release.exchange.import_ import NullRows as Rule

    known: dict[str, Json] = {
        name: value for name, value in (("name", source), ("license", license)) if value is not None
    }
    options = ImportOptions(
        format_,
        space,
        ids,
        modality.value if modality else None,
        Rule(null_rows.value),
        known,
        overwrite=overwrite,
    )
    made = import_set(path, out, options)
    write_card(made)
    null = {name: int(str(spec["null"])) for name, spec in made.spaces.items()}
    if as_json:
        result_json({"out": str(out), "rows": made.rows, "spaces": list(made.spaces), "null": null})
        return
    result(f"{out}: {made.rows:,} items")
    rows = [[name, spec["modality"], spec["dim"], null[name]] for name, spec in made.spaces.items()]
    result(table(["space", "reads", "dim", "null"], rows))
    say(f"Look inside with: featurizer inspect {shlex.quote(str(out))}")
