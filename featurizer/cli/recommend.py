"""`featurizer recommend`: one user's list, with titles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli.console import result, result_json, table


def recommend(
    model: Annotated[Path, typer.Argument(help="A folder made by 'featurizer train'.", metavar="MODEL")],
    user: Annotated[str, typer.Option("--user", "-u", help="The user's id.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 20,
    catalog: Annotated[
        Path | None,
        typer.Option(help="The catalog, to print titles from."),
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Also write the vectors as feature sets, DIR/users and DIR/items.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another model's vectors in --export.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List what a trained model recommends a user, without what they trained on.

    Example: featurizer recommend ./model --user A1B2 -k 10 --catalog ./catalog
    """
    from featurizer.recsys.recommend import recommend as run
    from featurizer.recsys.vectors import export_vectors

    found = run(model, user, k)
    titles = _titles(catalog) if catalog else {}
    if export is not None:
        export_vectors(model, export, overwrite=overwrite)
    if as_json:
        result_json(
            {
                "user": user,
                "items": [
                    {"item_id": one.item_id, "score": one.score, "title": titles.get(one.item_id)}
                    for one in found
                ],
            }
        )
        return
    rows = [
        [place, one.item_id, titles.get(one.item_id) or "", one.score] for place, one in enumerate(found, 1)
    ]
    result(table(["place", "item", "title", "score"], rows))


def _titles(catalog: Path) -> dict[str, str | None]:
    from featurizer.catalog.store import Catalog

    opened = Catalog.open(catalog)
    ids, titles = opened.column("item_id").to_pylist(), opened.column("title").to_pylist()
    return dict(zip(ids, titles, strict=True))
