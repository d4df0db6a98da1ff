"""`featurizer export`: a feature set as another program reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from featurizer.cli.console import result, result_json, table


def export(
    features: Annotated[Path, typer.Argument(help="A feature set folder.", metavar="FEATURES")],
    format_: Annotated[
        str,
        typer.Option("--format", "-f", help="mmrec, cornac, elliot, recbole, npy, safetensors or lance."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to write into; its name is the data set's.")
    ],
    space: Annotated[
        list[str] | None, typer.Option("--space", help="Only this space; repeat for more.  [default: all]")
    ] = None,
    interactions: Annotated[
        Path | None,
        typer.Option(
            "--interactions", "-i", help="Interactions to go with it: .parquet, .csv, .tsv or .inter."
        ),
    ] = None,
    item_map: Annotated[
        Path | None, typer.Option(help="asin and itemID, for interactions that number their items.")
    ] = None,
    missing: Annotated[
        Literal["zero", "mean", "error"],
        typer.Option(help="What stands where a vector is missing; the sidecar says it."),
    ] = "zero",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another export.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a feature set in the files of MMRec, Cornac, Elliot or RecBole, or as plain arrays.

    Beside them lies export.json: which file holds which space, which rows are filled and with what.

    Example: featurizer export ./features --format mmrec --interactions ./catalog/interactions.parquet --out ./baby
    """
    from featurizer.operations.export import Export
    from featurizer.operations.operation import Target, work_of

    work = work_of(
        Export,
        features=features,
        format=format_,
        spaces=tuple(space or ()),
        interactions=interactions,
        item_map=item_map,
        missing=missing,
    )
    done = work.make(Target(out, overwrite))
    if as_json:
        spaces = {
            entry.name: {
                "file": entry.file,
                "dim": entry.dim,
                "missing": len(entry.missing_rows),
                "fill": entry.fill,
            }
            for entry in done.spaces
        }
        result_json(
            {
                "out": str(out),
                "format": done.format,
                "rows": done.rows,
                "left_out": done.left_out,
                "added": done.added,
                "interactions": done.interactions,
                "spaces": spaces,
                "files": done.files,
            }
        )
        return
    result(f"{out}: {done.rows:,} items as {done.format}: {', '.join(done.files)}")
    rows = [[entry.name, entry.file, entry.dim, len(entry.missing_rows), entry.fill] for entry in done.spaces]
    result(table(["space", "file", "dim", "missing", "filled with"], rows))
    if done.left_out:
        result(f"left out: {done.left_out:,} items without interactions, which the format has no room for")
    if done.added:
        result(f"added: {done.added:,} items that only the interactions name, without vectors")
