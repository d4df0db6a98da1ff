"""`featurizer verify`: is a feature set what its manifest says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli.console import result, result_json, say
from featurizer.errors import InputError


def verify(
    path: Annotated[Path, typer.Argument(help="A feature set folder.")],
    catalog: Annotated[
        Path | None, typer.Option(help="The catalog it was made from; needed by --sample.")
    ] = None,
    sample: Annotated[int, typer.Option(min=0, help="Encode so many items again and compare.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:I or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check shard hashes, schema, row counts and values; with --sample, encode some items again. Exit 1 on problems.

    Example: featurizer verify ./features --catalog ./catalog --sample 20
    """
    from featurizer.catalog.store import Catalog
    from featurizer.features.feature_set import FeatureSet
    from featurizer.features.verify import check_catalog, recorded_encoders, verify_sample
    from featurizer.features.verify import verify as run

    if sample and catalog is None:
        raise InputError("--sample needs --catalog DIR, the catalog that the features were made from")
    features = FeatureSet.open(path)
    opened = Catalog.open(catalog) if catalog is not None else None
    if opened is not None:
        check_catalog(features, opened)
    problems = run(features)
    if sample and opened is not None and not problems:
        encoders = recorded_encoders(features, device=device)
        problems = verify_sample(features, opened, encoders, sample=sample)
    if as_json:
        result_json({"ok": not problems, "problems": problems})
    elif problems:
        result(f"{path}: {len(problems)} problems")
        result("\n".join(f"  {problem}" for problem in problems))
        say("Make the set again ('featurizer extract … --overwrite'), or fetch it again from where it came.")
    else:
        again = f", {min(sample, features.rows)} items encoded again and equal" if sample else ""
        result(
            f"{path}: {features.rows:,} rows in {len(features.shards)} shards are as the manifest says{again}"
        )
    if problems:
        raise typer.Exit(1)
