"""What was gathered, written: the page and the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import featurizer
from featurizer.catalog.label_in_text import MARK, NOTE, marked
from featurizer.errors import InputError, StaleOutput
from featurizer.report import score_charts
from featurizer.report.accounts import failures, manifest_text, spaces_table
from featurizer.report.categories import agreement
from featurizer.report.charts.chart import Table, slug
from featurizer.report.charts.draw import png
from featurizer.report.charts.scatter import map_png
from featurizer.report.folders import Folders
from featurizer.report.gather import ReportContent, is_colored
from featurizer.report.models import masked_table, results_table, training_charts
from featurizer.report.pack import page_data
from featurizer.report.page import render_page
from featurizer.report.spaces import ReportSpace
from featurizer.results.files import atomic_path

SECTIONS = (
    ("overview", "Overview"),
    ("leaderboard", "Leaderboard"),
    ("masks", "Masked modalities"),
    ("map", "Map"),
    ("neighbors", "Nearest items"),
    ("training", "Training"),
    ("long-tail", "Long tail"),
    ("failures", "Failures"),
    ("provenance", "Provenance"),
)
MADE = b'name="generator" content="featurizer'
"""Stands in the head of every page."""


def refuse_foreign_page(out: Path) -> None:
    """Refuse a place that a page cannot be written to, before any work is done.

    Raises:
        InputError: it is a folder.
        StaleOutput: it is a file that is no such page.
    """
    if out.is_dir():
        raise InputError(
            f"{out} is a folder, expected a file to write; name one, such as {out / 'report.html'}"
        )
    if out.exists():
        with out.open("rb") as file:
            if MADE not in file.read(2_000):
                raise StaleOutput(
                    f"{out} is there already and is no report; choose another --out, or remove it"
                )


def write_report(shown: ReportContent, out: Path, *, title: str | None = None) -> None:
    """Write the page; without a title it is named after the source of what it shows.

    Raises:
        InputError: `out` is a folder.
        StaleOutput: it is a file that is no report.
        OutputError: the disk refused.
    """
    refuse_foreign_page(out)
    data = page_data(shown.item_ids, shown.words, shown.pictures, shown.spaces, shown.level)
    page = render_page(_values(shown, title or _title(shown.folders)), data)
    with atomic_path(out) as partial:
        partial.write_text(page, "utf-8")


def write_figures(shown: ReportContent, folder: Path) -> list[Path]:
    """Write every chart and every map as PNG and return the files; a name that two would have gets a number."""
    drawn: dict[str, bytes] = {}
    named: Counter[str] = Counter()
    for chart in shown.charts:
        named[chart.slug] += 1
        again = "" if named[chart.slug] == 1 else f"-{named[chart.slug]}"
        drawn[f"{chart.slug}{again}.png"] = png(chart)
    categories = shown.words.levels[shown.level]
    for number, space in enumerate(shown.spaces):
        for one in space.maps:
            name = slug("map", str(number), space.name, one.name)
            drawn[f"{name}.png"] = map_png(space.name, one, categories)
    paths = []
    for name, content in drawn.items():
        with atomic_path(folder / name) as partial:
            partial.write_bytes(content)
        paths.append(folder / name)
    return paths


def _values(shown: ReportContent, title: str) -> dict[str, object]:
    folders = shown.folders
    return {
        "title": title,
        "version": featurizer.__version__,
        "items": len(shown.item_ids),
        "total": shown.total,
        "spaces": shown.spaces,
        "catalogs": folders.catalogs,
        "feature_sets": folders.feature_sets,
        "words": shown.words,
        "agreement": _agreement(shown),
        "pictures": len(shown.pictures),
        "notes": shown.notes,
        "use": shown.use,
        "mapped": any(space.maps for space in shown.spaces),
        "masks": shown.masks,
        "sections": SECTIONS,
        "boards": [(board, score_charts.leaderboard_charts(board)) for board in shown.boards],
        "models": shown.models,
        "training": training_charts(shown.models),
        "results": results_table(shown.models),
        "masked": masked_table(shown.models),
        "long_tail": shown.long_tail,
        "failures": failures,
        "spaces_table": spaces_table,
        "manifest_text": manifest_text,
    }


def _title(folders: Folders) -> str:
    """Name the report after the source that its feature sets or catalogs record."""
    sources = [one.manifest.source for one in folders.feature_sets.values()]
    sources += [one.manifest.source for one in folders.catalogs.values()]
    names = [source.name for source in sources if source is not None and source.name]
    return f"Features of {names[0]}" if names else "Feature report"


def _agreement(shown: ReportContent) -> Table | None:
    """Lay out how often an item's nearest is of its category: the maps in words."""
    rows = [
        (
            space.name,
            space.feature_set,
            str(space.dim),
            f"{int(space.present.sum()):,}",
            *_shares(shown, space),
        )
        for space in shown.spaces
    ]
    levels = shown.words.levels
    if not rows or not is_colored(shown):
        return None
    caption = "How often an item's nearest is of its category or has its label (and by chance)"
    if any(MARK in cell for row in rows for cell in row[-len(levels) :]):
        caption += f"; {NOTE}"
    header = ("space", "feature set", "dim", "items", *(level.title for level in levels))
    return Table(caption, header, tuple(rows))


def _shares(shown: ReportContent, space: ReportSpace) -> Iterator[str]:
    for level in shown.words.levels:
        found = agreement(level.labels, space.neighbors)
        figure = "-" if found is None else f"{found[0]:.1%} ({found[1]:.1%})"
        yield marked(figure, space.modality, level.in_text)
