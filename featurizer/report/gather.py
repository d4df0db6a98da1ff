"""Folders in, all that a report shows of them out: read, sampled and computed, not yet drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurizer.catalog.datasets import SAMPLE
from featurizer.catalog.schema import OTHER, core_names
from featurizer.errors import InputError
from featurizer.features.losses import text_losses
from featurizer.progress import Report, silent
from featurizer.report import score_charts
from featurizer.report.categories import most_telling
from featurizer.report.charts.chart import Chart
from featurizer.report.folders import Folders, open_folders
from featurizer.report.items import ItemTexts, read_words
from featurizer.report.models import TrainedModel, long_tail_charts, read_models, training_charts
from featurizer.report.sample import draw_sample
from featurizer.report.scores import Board, read_boards
from featurizer.report.spaces import ReportSpace, make_spaces
from featurizer.report.thumbnails import make_thumbnails

MOST_ITEMS = 20_000
LARGEST_PAGE = 25_000_000
PICTURES_SHARE = 0.75
"""Of the page's bytes, at most."""


@dataclass(frozen=True, slots=True)
class ReportContent:
    """All that a report shows, before it is drawn.

    Attributes:
        folders: what was given.
        item_ids: n items shown.
        total: how many there are.
        words: the items' titles and categories.
        pictures: of some of them, WebP as base64, by item id.
        spaces: their neighbors and maps.
        boards: the scores.
        models: how training went.
        notes: what a reader should know of the above.
    """

    folders: Folders
    item_ids: list[str]
    total: int
    words: ItemTexts
    pictures: Mapping[str, str]
    spaces: list[ReportSpace]
    boards: list[Board]
    models: list[TrainedModel]
    notes: list[str]

    @property
    def level(self) -> int:
        """The place of the category level that is shown first."""
        return most_telling(self.words.levels, [space.neighbors for space in self.spaces])

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
    def use(self) -> list[str]:
        """Which space to use, and why; how trained recommenders stand to it."""
        told = [sentence for board in self.boards for sentence in board.use]
        alone = [
            one.value
            for board in self.boards
            for one in board.scores
            if (one.metric, one.split, one.k) == ("zero_shot_recall", "test", 20) and one.is_headline
        ]
        for model in self.models if alone else ():
            recall = model.recommender and model.recommender.test.get("recall@20")
            if recall is not None:
                told.append(
                    f"Items with a history: the trained recommender {model.label} ({model.kind}) finds test Recall@20 "
                    f"{recall:.4f}, the best space alone, untrained, {max(alone):.4f}"
                )
        return told

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


def gather(
    given: Sequence[Path],
    *,
    items: int = MOST_ITEMS,
    size: int = LARGEST_PAGE,
    tsne: bool = True,
    seed: int = 0,
    labels: Sequence[str] = (),
    report: Report = silent,
) -> ReportContent:
    """Read the folders and compute maps and neighbors.

    Args:
        given: the folders.
        items: items on map and in the explorer, at most 65,000; of more, a seeded sample is shown.
        size: bytes the page should not exceed; pictures are made smaller, then fewer, to fit.
        tsne: whether to draw t-SNE maps, which take minutes for many items.
        seed: of samples and maps.
        labels: columns of the catalog that the maps can be colored by.
        report: told how far it is.

    Raises:
        InputError: a folder holds nothing to show, or a file in it is not what it should be.
    """
    folders = open_folders(given)
    if not (folders.feature_sets or folders.scores or folders.models):
        raise InputError(
            f"{', '.join(map(str, given))}: nothing to show but a catalog, expected feature sets, scores or "
            "trained models beside it. Make some with 'featurizer extract', and give both"
        )
    if labels and not folders.catalogs:
        raise InputError(
            f"--label {labels[0]} is a column of a catalog, and none is among the folders; give the catalog too"
        )
    boards, models = read_boards(folders.scores), read_models(folders.models)
    item_ids, total = draw_sample(folders.feature_sets.values(), items, seed)
    catalogs = list(folders.catalogs.values())
    words = read_words(catalogs, item_ids, labels)
    spaces, notes = make_spaces(folders.feature_sets, item_ids, seed, tsne=tsne, report=report)
    pictures, left_out = make_thumbnails(catalogs, item_ids, int(size * PICTURES_SHARE), seed, report=report)
    shown = ReportContent(folders, item_ids, total, words, pictures, spaces, boards, models, notes)
    notes.extend(_notes_on_items(shown, seed))
    notes.extend(loss for one in folders.feature_sets.values() for loss in text_losses(one))
    if any(one.manifest.source and one.manifest.source.name == SAMPLE for one in catalogs):
        notes.append("the sample's pictures and users are synthetic: drawn in code")
    if left_out:
        notes.append(f"{left_out:,} pictures are left out to keep the page below {size / 1e6:,.0f} MB")
    if not tsne and spaces:
        notes.append("t-SNE maps were not asked for")
    return shown


def _notes_on_items(shown: ReportContent, seed: int) -> Iterator[str]:
    many = len(shown.item_ids)
    if many < shown.total:
        yield (
            f"map and explorer show a sample of {many:,} of the {shown.total:,} items (seed {seed}); "
            "neighbors are found within the sample"
        )
    if shown.folders.feature_sets and not shown.folders.catalogs:
        yield "no catalog among the folders: items have no titles, pictures or categories. Give the catalog too"
    elif shown.words.known < many:
        yield f"{many - shown.words.known:,} items are in no catalog given and have no title or picture"
    if shown.folders.catalogs and shown.spaces and not is_colored(shown):
        schemas = [one.schema for one in shown.folders.catalogs.values()]
        own = {name for schema in schemas for name in {*schema.names} - {*core_names(schema), OTHER}}
        choice = f", one of {', '.join(sorted(own))}" if own else ", once the catalog has one"
        yield f"no item has a category: the maps have one color. Name a column with --label{choice}"


def is_colored(shown: ReportContent) -> bool:
    """Say whether any item has a category or a label to be colored by."""
    return any(label for level in shown.words.levels for label in level.labels)
