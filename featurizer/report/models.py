"""Trained models as charts and tables: how training went, what masked tokens tell, the long tail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.release.model import kind_of
from featurizer.report.charts.chart import Chart, Point, Series, Table, slug
from featurizer.report.score_charts import group_name
from featurizer.results.manifests.ica import AccuracyEntry, IcaManifest
from featurizer.results.manifests.model import ModelManifest, read_model_manifest
from featurizer.results.manifests.recommender import RecommenderManifest
from featurizer.results.names import METRICS, MODEL

SHOWN = ("recall", "ndcg")
"""Of a recommender's figures; the manifest has all."""
MOST_POINTS = 100
"""Epochs a line shows; of more, evenly chosen ones and the last."""
CURVES: Mapping[str, str] = {
    "loss": "loss",
    "valid_loss": "validation loss",
    "valid_recall@20": "validation Recall@20",
}


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A trained recommender or a pre-trained alignment: `kind` is its name, `manifest` what it says."""

    label: str
    kind: str
    folder: Path
    manifest: ModelManifest
    epochs: tuple[Mapping[str, Json], ...]

    @property
    def pretrained(self) -> bool:
        """Whether it is an alignment of the contents rather than a recommender."""
        return isinstance(self.manifest, IcaManifest)

    @property
    def recommender(self) -> RecommenderManifest | None:
        """What a recommender's manifest says; None of an alignment."""
        return self.manifest if isinstance(self.manifest, RecommenderManifest) else None


def read_models(folders: Mapping[str, Path]) -> list[TrainedModel]:
    """Read manifests and epoch records.

    Raises:
        InputError: a line of `metrics.jsonl` is no JSON object.
    """
    found = []
    for label, folder in folders.items():
        manifest = read_model_manifest(folder / MODEL)
        found.append(TrainedModel(label, kind_of(manifest), folder, manifest, _epochs(folder / METRICS)))
    return found


def _epochs(path: Path) -> tuple[Mapping[str, Json], ...]:
    if not path.is_file():
        return ()
    try:
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise InputError(f"{path} holds a line that is no JSON ({error}); train the model again") from error
    return tuple(record for record in records if isinstance(record, dict))


def training_charts(models: Sequence[TrainedModel]) -> list[Chart]:
    """Draw each model's losses in one chart and its validation recall in another, a line a seed."""
    charts = []
    for model in models:
        for kind, names in (("loss", ("loss", "valid_loss")), ("recall", ("valid_recall@20",))):
            lines = [line for name in names for line in _lines(model, name)]
            if lines:
                y_label = "loss" if kind == "loss" else CURVES[names[0]]
                charts.append(
                    Chart(
                        slug("training", kind, model.label),
                        f"{_title(model)}: {y_label}",
                        "lines",
                        "epoch",
                        y_label,
                        tuple(lines),
                    )
                )
    return charts


def _title(model: TrainedModel) -> str:
    return model.label if model.kind in model.label else f"{model.label} ({model.kind})"


def _lines(model: TrainedModel, name: str) -> list[Series]:
    by_seed: dict[str, list[Point]] = {}
    for record in model.epochs:
        epoch, value = record.get("epoch"), record.get(name)
        if isinstance(epoch, int) and isinstance(value, (int, float)):
            seed = f", seed {record['seed']}" if record.get("seed") is not None else ""
            by_seed.setdefault(seed, []).append(Point(float(epoch), float(value)))
    several = len(by_seed) > 1
    return [
        Series(CURVES[name] + (seed if several else ""), tuple(_thinned(points)))
        for seed, points in by_seed.items()
    ]


def _thinned(points: Sequence[Point]) -> list[Point]:
    step = -(-len(points) // MOST_POINTS)
    return [point for at, point in enumerate(points) if (len(points) - 1 - at) % step == 0]


def long_tail_charts(models: Sequence[TrainedModel]) -> list[Chart]:
    """Draw each recommender's recall by popularity."""
    bars = []
    for model in models:
        points = [
            Point(group_name(group.name), group.recall)
            for group in (model.recommender.groups if model.recommender else ())
            if group.recall is not None and group.name != "all"
        ]
        if points:
            bars.append(Series(_title(model), tuple(points)))
    if not bars:
        return []
    title = "Recall by popularity, trained models"
    return [Chart("long-tail-models", title, "bars", "items", "Recall@20, test", tuple(bars))]


def results_table(models: Sequence[TrainedModel]) -> Table | None:
    """Lay out what the recommenders reach on test: the mean over seeds and its standard deviation."""
    trained = [(model, model.recommender) for model in models if model.recommender is not None]
    found = dict.fromkeys(name for _, manifest in trained for name in _test(manifest))
    names = [name for name in found if name.startswith(SHOWN)]
    if not names:
        return None
    rows = tuple(
        (model.label, model.kind, str(len(told.seeds)), *(_test(told).get(name, "-") for name in names))
        for model, told in trained
    )
    return Table("Trained recommenders on the test split", ("folder", "model", "seeds", *names), rows)


def _test(manifest: RecommenderManifest) -> dict[str, str]:
    return {
        name: f"{value.mean:.4f}" + (f" ±{value.sd:.4f}" if value.sd is not None else "")
        for name, value in manifest.over_seeds.get("test", {}).items()
    }


def masked_table(models: Sequence[TrainedModel]) -> Table | None:
    """Lay out how often alignments guess masked tokens right, with the other modality and without."""
    rows = [
        (model.label, side.side, str(side.items), *_accuracies(side))
        for model in models
        for side in (model.manifest.masked_accuracy if isinstance(model.manifest, IcaManifest) else ())
    ]
    header = ("folder", "masked", "items", "with the other", "without it", "gain", "always the commonest")
    caption = "Masked tokens of held-out items guessed right, means over items with 95 % intervals"
    return Table(caption, header, tuple(rows)) if rows else None


def _accuracies(side: AccuracyEntry) -> tuple[str, str, str, str]:
    gain = f"{side.gain:.4f} ({side.gain_low:.4f} to {side.gain_high:.4f})"
    return f"{side.present:.4f}", f"{side.absent:.4f}", gain, f"{side.majority:.4f}"
