"""`featurizer ingest`: anyone's items become a catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli.console import progress
from featurizer.cli.made import SplitName, report_catalog

Column = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Column to read this field from.  [default: by its usual names]"),
]


def ingest(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH|hf:ORG/NAME",
            help="A CSV, TSV, JSONL or Parquet file (.gz too), a folder of pictures, or a Hub data set "
            "(hf:./folder for a local copy).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the catalog into.")],
    images: Annotated[
        Path | None,
        typer.Option(help="Where image paths start; without an image column, pictures named by item id."),
    ] = None,
    interactions: Annotated[
        Path | None, typer.Option(help="Who used what: Parquet, CSV, TSV or .inter (.gz too).")
    ] = None,
    item_map: Annotated[
        Path | None, typer.Option(help="CSV with asin and itemID, when the interactions number the items.")
    ] = None,
    k_core: Annotated[
        int, typer.Option(min=0, help="Keep users and items with at least so many interactions.")
    ] = 0,
    split: Annotated[
        SplitName, typer.Option(help="How interactions without a split are split.")
    ] = SplitName.random,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    license: Annotated[
        str | None, typer.Option(metavar="ID", help="License of the data, an SPDX id.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Where the data come from; recorded.")
    ] = None,
    text_template: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Fields of an item's text.  [default: {title} {brand} {categories} {description}]",
        ),
    ] = None,
    item_id_column: Column = None,
    title_column: Column = None,
    brand_column: Column = None,
    categories_column: Column = None,
    description_column: Column = None,
    image_column: Column = None,
    hub_split: Annotated[str, typer.Option(help="Which split of a Hub data set.")] = "train",
    hub_config: Annotated[str | None, typer.Option(help="Which configuration of a Hub data set.")] = None,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Exit with 3 when more pictures failed.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a catalog of another configuration.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a catalog of your own items; every column that is no field of an item is kept beside them.

    Example: featurizer ingest items.csv --images pictures/ --out ./catalog
    """
    from featurizer.catalog.columns import ColumnNames
    from featurizer.catalog.text import DEFAULT_TEMPLATE
    from featurizer.operations.ingest import Ingest
    from featurizer.operations.operation import Target, work_of

    work = work_of(
        Ingest,
        path=path,
        images=images,
        interactions=interactions,
        item_map=item_map,
        k_core=k_core,
        split=split.value,
        seed=seed,
        license=license,
        source=source,
        text_template=text_template or DEFAULT_TEMPLATE,
        columns=ColumnNames(
            item_id=item_id_column,
            title=title_column,
            brand=brand_column,
            categories=categories_column,
            description=description_column,
            image=image_column,
        ),
        hub_split=hub_split,
        hub_config=hub_config,
    )
    with progress() as report:
        made = work.make(Target(out, overwrite, report))
    report_catalog(made, max_failures, as_json=as_json)
