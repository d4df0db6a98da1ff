"""Trained models as charts and tables: how training went, what masked tokens tell, the long tail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.release.model import MANIFEST, kind_of
from featurizer.report.charts.chart import Chart, Point, Series, Table, slug
from featurizer.report.score_charts import group_name
from featurizer.results.spelling import read_manifest

METRICS = "metrics.jsonl"
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
    manifest: Mapping[str, Json]
    epochs: tuple[Mapping[str, Json], ...]

    @property
    def pretrained(self) -> bool:
        """Whether it is an alignment of the contents rather than a recommender."""
        return "model" not in self.manifest


def read_models(folders: Mapping[str, Path]) -> list[TrainedModel]:
    """Read manifests and epoch records.

    Raises:
        InputError: a line of `metrics.jsonl` is no JSON object.
    """
    found = []
    for label, folder in folders.items():
        manifest = read_manifest(folder / MANIFEST)
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
            Point(group_name(str(group.get("name"))), float(str(group["recall"])))
            for group in _objects(model.manifest.get("groups"))
            if group.get("recall") is not None and group.get("name") != "all"
        ]
        if points:
            bars.append(Series(_title(model), tuple(points)))
    if not bars:
        return []
    title = "Recall by popularity, trained models"
    return [Chart("long-tail-models", title, "bars", "items", "Recall@20, test", tuple(bars))]


def results_table(models: Sequence[TrainedModel]) -> Table | None:
    """Lay out what the recommenders reach on test: the mean over seeds and its standard deviation."""
    trained = [model for model in models if not model.pretrained]
    found = dict.fromkeys(name for model in trained for name in _test(model))
    names = [name for name in found if name.startswith(SHOWN)]
    if not names:
        return None
    rows = tuple(
        (model.label, model.kind, _seeds(model), *(_test(model).get(name, "-") for name in names))
        for model in trained
    )
    return Table("Trained recommenders on the test split", ("folder", "model", "seeds", *names), rows)


def _seeds(model: TrainedModel) -> str:
    seeds = model.manifest.get("seeds")
    return str(len(seeds)) if isinstance(seeds, list) else "-"


def _test(model: TrainedModel) -> dict[str, str]:
    over = model.manifest.get("over_seeds")
    test = over.get("test") if isinstance(over, dict) else None
    found = {}
    for name, value in test.items() if isinstance(test, dict) else ():
        if isinstance(value, dict) and isinstance(value.get("mean"), (int, float)):
            spread = value.get("sd")
            found[name] = f"{value['mean']:.4f}" + (f" ±{spread:.4f}" if isinstance(spread, float) else "")
    return found


def masked_table(models: Sequence[TrainedModel]) -> Table | None:
    """Lay out how often alignments guess masked tokens right, with the other modality and without."""
    rows = [
        (model.label, str(side.get("side")), str(side.get("items")), *_accuracies(side))
        for model in models
        for side in _objects(model.manifest.get("masked_accuracy"))
    ]
    header = ("folder", "masked", "items", "with the other", "without it", "gain", "always the commonest")
    caption = "Masked tokens of held-out items guessed right, means over items with 95 % intervals"
    return Table(caption, header, tuple(rows)) if rows else None


def _objects(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _accuracies(side: Mapping[str, Json]) -> tuple[str, str, str, str]:
    def number(name: str) -> str:
        value = side.get(name)
        return f"{value:.4f}" if isinstance(value, (int, float)) else "-"

    gain = f"{number('gain')} ({number('gain_low')} to {number('gain_high')})"
    return number("present"), number("absent"), gain, number("majority")
