"""`featurizer compare`: trained models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from featurizer.cli.console import result, result_json, say


def compare(
    models: Annotated[
        list[Path],
        typer.Argument(
            help="Folders made by 'featurizer train'; the first is the yardstick.", metavar="MODELS..."
        ),
    ],
    interactions: Annotated[
        Path,
        typer.Option(
            "--interactions", "-i", help="What they were trained on: .parquet, .csv, .tsv or .inter."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for comparison.json and comparison.md.")],
    *,
    fused: Annotated[
        list[Path] | None,
        typer.Option(
            help="A model whose scores are added to the others' named so: one row more, late fusion."
        ),
    ] = None,
    item_map: Annotated[
        Path | None,
        typer.Option(help="CSV or TSV with asin and itemID, when the interactions number the items."),
    ] = None,
    metric: Annotated[
        Literal["recall", "ndcg", "precision", "map"], typer.Option(help="What is compared.")
    ] = "recall",
    k: Annotated[int, typer.Option("-k", min=1, help="Length of the list.")] = 20,
    split: Annotated[Literal["valid", "test"], typer.Option(help="Whose positives are ranked for.")] = "test",
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare trained models user by user: intervals, and whether each differs from the first.

    Of a training with several seeds its kept model counts, the best on validation: intervals and p are over users,
    not over seeds.

    Example: featurizer compare ./alignrec ./lightgcn -i ./catalog/interactions.parquet --out ./comparison
    """
    from featurizer.operations.compare import FILE, TABLE, Compare
    from featurizer.operations.operation import Target, work_of
    from featurizer.results.files import read_json

    work = work_of(
        Compare,
        models=tuple(models),
        fused=tuple(fused or ()),
        interactions=interactions,
        item_map=item_map,
        metric=metric,
        k=k,
        split=split,
        seed=seed,
    )
    found = work.run(Target(out))
    if as_json:
        result_json(read_json(out / FILE))
        return
    result(found.table)
    say(f"on {split}, intervals over users; the table stands in {out / TABLE}, the figures in {out / FILE}")
