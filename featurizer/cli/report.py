"""`featurizer report`: one page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from featurizer.cli.console import progress, result, result_json, say


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Catalogs, feature sets, scores, trained models, or folders of these.", metavar="DIR"
        ),
    ],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    figures: Annotated[
        Path | None, typer.Option(help="Also write the charts and maps into this folder, as PNG.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The page's title.")] = None,
    items: Annotated[
        int, typer.Option(min=2, max=65_000, help="Items on the maps; of more, a sample is shown.")
    ] = 20_000,
    size: Annotated[int, typer.Option("--max-mb", min=1, help="Keep the page below so many megabytes.")] = 25,
    tsne: Annotated[
        bool, typer.Option("--tsne/--no-tsne", help="Draw t-SNE maps: minutes for many items.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Of samples and maps.")] = 0,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Color the maps by this column of the catalog too; repeat for more."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what folders hold on one page: leaderboard, maps, neighbors, curves, failures, provenance.

    The page needs no network and no server. Give the catalog too, for pictures and titles.

    Example: featurizer report ./features ./scores ./catalog --out report.html
    """
    from featurizer.operations.operation import work_of
    from featurizer.operations.report import MakeReport

    work = work_of(
        MakeReport,
        of=tuple(folders),
        title=title,
        items=items,
        max_mb=size,
        tsne=tsne,
        seed=seed,
        labels=tuple(label or ()),
    )
    with progress() as told:
        shown, drawn = work.write(out, figures, told)
    if as_json:
        result_json(
            {
                "out": str(out),
                "bytes": out.stat().st_size,
                "items": len(shown.sample.item_ids),
                "total_items": shown.sample.total,
                "spaces": [space.name for space in shown.spaces],
                "pictures": len(shown.thumbnails.pictures),
                "charts": [chart.slug for chart in shown.charts],
                "figures": [str(path) for path in drawn],
                "notes": shown.notes,
            }
        )
        return
    for note in shown.notes:
        say(f"note: {note}")
    shown_items, megabytes = len(shown.sample.item_ids), out.stat().st_size / 1e6
    result(f"{out}: {megabytes:,.1f} MB; {shown_items:,} items, {len(shown.spaces)} spaces")
    if drawn:
        result(f"{figures}: {len(drawn)} figures")
    say(f"Open it in a browser: {out.resolve().as_uri()}")
