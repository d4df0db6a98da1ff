"""Folders in, one page out: the whole of `featurizer report`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import featurizer
from featurizer.catalog.store import CORE, OTHER
from featurizer.errors import InputError
from featurizer.manifest import atomic_path
from featurizer.progress import Report, silent
from featurizer.report import score_charts
from featurizer.report.accounts import failures, provenance
from featurizer.report.categories import agreement, most_telling
from featurizer.report.charts.chart import Chart, Table, slug
from featurizer.report.charts.draw import png
from featurizer.report.charts.scatter import map_png
from featurizer.report.folders import Folders, open_folders
from featurizer.report.items import Words, read_words
from featurizer.report.models import (
    Model,
    long_tail_charts,
    masked_table,
    read_models,
    results_table,
    training_charts,
)
from featurizer.report.pack import page_data
from featurizer.report.page import render_page
from featurizer.report.sample import Sample, draw_sample
from featurizer.report.scores import Board, read_boards
from featurizer.report.spaces import Space, make_spaces
from featurizer.report.thumbnails import Thumbnails, make_thumbnails

MOST_ITEMS = 20_000
LARGEST_PAGE = 25_000_000
PICTURES_SHARE = 0.75
"""Of the page's bytes, at most."""


SECTIONS = (
    ("overview", "Overview"),
    ("leaderboard", "Leaderboard"),
    ("map", "Map"),
    ("neighbours", "Nearest items"),
    ("masks", "Masked modalities"),
    ("training", "Training"),
    ("long-tail", "Long tail"),
    ("failures", "Failures"),
    ("provenance", "Provenance"),
)


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How a report is made.

    Attributes:
        title: of the page; None names it after the folders.
        items: items on map and in the explorer, at most 65,000; of more, a seeded sample is shown.
        size: bytes the page should not exceed; pictures are made smaller, then fewer, to fit.
        tsne: whether to draw t-SNE maps, which take minutes for many items.
        seed: of samples and maps.
        labels: columns of the catalogue that the maps can be coloured by.
    """

    title: str | None = None
    items: int = MOST_ITEMS
    size: int = LARGEST_PAGE
    tsne: bool = True
    seed: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """All that a report shows, before it is drawn."""

    folders: Folders
    sample: Sample
    words: Words
    thumbnails: Thumbnails
    spaces: list[Space]
    boards: list[Board]
    models: list[Model]
    notes: list[str]

    @property
    def level(self) -> int:
        """The place of the category level that is shown first."""
        return most_telling(self.words.levels, [space.neighbours for space in self.spaces])

    @property
    def charts(self) -> list[Chart]:
        """Every chart, in the order of the page."""
        return [
            *(chart for board in self.boards for chart in score_charts.leaderboard_charts(board)),
            *self.masks,
            *training_charts(self.models),
            *self.long_tail,
        ]

    @property
    def long_tail(self) -> list[Chart]:
        """Recall by popularity, of scores and of models."""
        return [
            *(chart for board in self.boards for chart in score_charts.long_tail_charts(board)),
            *long_tail_charts(self.models),
        ]

    @property
    def masks(self) -> list[Chart]:
        """Recall as items lose a modality."""
        return [chart for board in self.boards for chart in score_charts.mask_charts(board)]


def gather(given: Sequence[Path], options: ReportOptions, report: Report = silent) -> Shown:
    """Read the folders and compute maps and neighbours.

    Raises:
        InputError: a folder holds nothing to show, or a file in it is not what it should be.
    """
    folders = open_folders(given)
    boards, models = read_boards(folders.scores), read_models(folders.models)
    sample = draw_sample(folders.feature_sets, options.items, options.seed)
    catalogs = list(folders.catalogs.values())
    words = read_words(catalogs, sample.item_ids, options.labels)
    spaces, notes = make_spaces(folders.feature_sets, sample, options.seed, tsne=options.tsne, report=report)
    budget = int(options.size * PICTURES_SHARE)
    thumbnails = make_thumbnails(catalogs, sample.item_ids, budget, options.seed, report=report)
    shown = Shown(folders, sample, words, thumbnails, spaces, boards, models, notes)
    notes.extend(_notes(shown, options))
    return shown


def write_report(shown: Shown, out: Path, options: ReportOptions) -> None:
    """Write the page.

    Raises:
        InputError: `out` is a folder.
        OutputError: the disk refused.
    """
    if out.is_dir():
        raise InputError(
            f"{out} is a folder, expected a file to write; name one, such as {out / 'report.html'}"
        )
    data = page_data(shown.sample.item_ids, shown.words, shown.thumbnails, shown.spaces, shown.level)
    page = render_page(_values(shown, options), data)
    with atomic_path(out) as partial:
        partial.write_text(page, "utf-8")


def write_figures(shown: Shown, folder: Path) -> list[Path]:
    """Write every chart and every map as PNG and return the files."""
    drawn = {f"{chart.slug}.png": png(chart) for chart in shown.charts}
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


def _notes(shown: Shown, options: ReportOptions) -> list[str]:
    sample, many = shown.sample, len(shown.sample.item_ids)
    notes = []
    if many < sample.total:
        notes.append(
            f"map and explorer show a sample of {many:,} of the {sample.total:,} items (seed {options.seed}); "
            "neighbours are found within the sample"
        )
    if shown.folders.feature_sets and not shown.folders.catalogs:
        notes.append(
            "no catalogue among the folders: items have no titles, pictures or categories. Give the catalogue too"
        )
    elif shown.words.known < many:
        notes.append(
            f"{many - shown.words.known:,} items are in no catalogue given and have no title or picture"
        )
    if shown.folders.catalogs and shown.spaces and not _is_coloured(shown):
        own = {name for one in shown.folders.catalogs.values() for name in one.schema.names} - {
            *CORE.names,
            OTHER,
        }
        choice = f", one of {', '.join(sorted(own))}" if own else ", once the catalogue has one"
        notes.append(f"no item has a category: the maps have one colour. Name a column with --label{choice}")
    if shown.thumbnails.without:
        notes.append(
            f"{shown.thumbnails.without:,} pictures are left out to keep the page below "
            f"{options.size / 1e6:,.0f} MB"
        )
    if not options.tsne and shown.spaces:
        notes.append("t-SNE maps were not asked for")
    return notes


def _values(shown: Shown, options: ReportOptions) -> dict[str, object]:
    folders = shown.folders
    return {
        "title": options.title or _title(folders),
        "version": featurizer.__version__,
        "items": len(shown.sample.item_ids),
        "total": shown.sample.total,
        "spaces": shown.spaces,
        "feature_sets": folders.feature_sets,
        "words": shown.words,
        "agreement": _agreement(shown),
        "pictures": len(shown.thumbnails.pictures),
        "notes": shown.notes,
        "mapped": any(space.maps for space in shown.spaces),
        "masks": shown.masks,
        "sections": SECTIONS,
        "boards": [(board, score_charts.leaderboard_charts(board)) for board in shown.boards],
        "models": shown.models,
        "training": training_charts(shown.models),
        "results": results_table(shown.models),
        "masked": masked_table(shown.models),
        "long_tail": shown.long_tail,
        "failures": failures(folders.catalogs, folders.feature_sets),
        "provenance": provenance(folders.catalogs, folders.feature_sets, shown.models),
    }


def _title(folders: Folders) -> str:
    """Name the report after the source that its feature sets or catalogues record."""
    manifests = [one.manifest for one in folders.feature_sets.values()]
    manifests += [one.manifest for one in folders.catalogs.values()]
    sources = [manifest.get("source") for manifest in manifests]
    names = [str(source["name"]) for source in sources if isinstance(source, dict) and source.get("name")]
    return f"Features of {names[0]}" if names else "Feature report"


def _agreement(shown: Shown) -> Table | None:
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
    if not rows or not _is_coloured(shown):
        return None
    caption = "How often an item's nearest is of its category or has its label (and by chance)"
    header = ("space", "feature set", "dim", "items", *(level.title for level in levels))
    return Table(caption, header, tuple(rows))


def _is_coloured(shown: Shown) -> bool:
    return any(label for level in shown.words.levels for label in level.labels)


def _shares(shown: Shown, space: Space) -> Iterator[str]:
    for level in shown.words.levels:
        found = agreement(level.labels, space.neighbours)
        yield "-" if found is None else f"{found.share:.1%} ({found.chance:.1%})"
