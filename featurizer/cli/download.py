"""`featurizer download`: a dataset of the manifest becomes a catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli import complete
from featurizer.cli.console import progress, say
from featurizer.cli.made import SplitName, report_catalog


def download(
    name: Annotated[
        str,
        typer.Argument(
            help="A dataset's name; 'featurizer datasets' lists them.", autocompletion=complete.datasets
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the catalog into.")],
    k_core: Annotated[
        int | None,
        typer.Option(
            min=0, help="Keep users and items with at least so many interactions.  [default: the dataset's]"
        ),
    ] = None,
    split: Annotated[
        SplitName | None, typer.Option(help="How interactions are split.  [default: the dataset's]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    all_items: Annotated[
        bool, typer.Option("--all-items", help="Keep items outside the k-core too.")
    ] = False,
    no_images: Annotated[
        bool, typer.Option("--no-images", help="Leave the pictures where they are.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Fetch once more the pictures that failed.")
    ] = False,
    concurrency: Annotated[int, typer.Option(min=1, help="Pictures fetched at once.")] = 64,
    cache: Annotated[
        Path | None,
        typer.Option(
            help="Where downloaded files are kept.  [default: FEATURIZER_CACHE or ~/.cache/featurizer]"
        ),
    ] = None,
    max_failures: Annotated[
        int | None, typer.Option(min=0, help="Exit with 3 when more pictures failed.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a catalog of another configuration.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Download metadata, interactions and pictures of a dataset and make a catalog; run again to resume.

    Example: featurizer download amazon-2014-baby --out ./baby
    """
    from featurizer.catalog.datasets import SAMPLE
    from featurizer.operations.download import ORACLE, Download
    from featurizer.operations.operation import Target, work_of

    work = work_of(
        Download,
        dataset=name,
        k_core=k_core,
        split=split.value if split else None,
        seed=seed,
        all_items=all_items,
        images=not no_images,
        concurrency=concurrency,
        cache=cache,
    )
    with progress() as report:
        made = work.make(Target(out, overwrite, report), retry_failed=retry_failed)
    if name == SAMPLE:
        say(f"{out / ORACLE}: what an oracle would know of each item, as a feature set")
    report_catalog(made, max_failures, as_json=as_json)
