"""A small run of every kind that a report shows: catalog, feature sets, scores, models."""

from __future__ import annotations

import io
import json

import numpy as np
import polars as pl

from featurizer.catalog.sample.oracle import oracle
from featurizer.catalog.sample.picture import draw
from featurizer.catalog.sample.traits import make_items
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.store import write_interactions
from featurizer.records import ImageRef, ItemRecord
from featurizer.recsys.configuration import configuration
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.source import fingerprints, read_data
from featurizer.recsys.train import train
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.score import ScoreStage, score
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import open_candidates
from tests.support.items import make_catalog
from tests.support.manifests import ACCURACY, alignment_manifest

ITEMS = 48
HOSTILE = {
    3: "</script><script>window.hurt = 1</script>",
    4: '<img src=x onerror="window.hurt = 2">',
    5: "<!-- <script> & \u2028 'quotes' \"too\" {{ 7 * 7 }}",
}
"""Titles that would like to be more than text."""
WITHOUT_PICTURE, WITHOUT_VECTOR = 6, 7


def item_ids():
    return [item.item_id for item in drawn()]


def drawn():
    return make_items(ITEMS, np.random.default_rng([2024, 0]))


def write_all(folder):
    """Write `catalog`, `features`, `ica`, `scores` and `model` into the folder."""
    items = drawn()
    make_catalog(folder / "catalog", [record(row, item) for row, item in enumerate(items)])
    write_features(folder, items)
    write_interactions(interactions(items), folder / "interactions.parquet")
    write_scores(folder)
    write_model(folder)
    write_alignment(folder / "ica")
    return folder


def record(row, item):
    title = HOSTILE.get(row, f"{item.look.color} {item.look.kind} number {row}".replace("_", " "))
    path = ("Everything", item.look.kind.replace("_", " "), item.look.color)
    image = ImageRef() if row == WITHOUT_PICTURE else ImageRef(data=picture(item))
    if row == WITHOUT_PICTURE + 2:
        image = ImageRef(data=b"no picture at all")
    return ItemRecord(item.item_id, title=title, categories=path, image=image)


def picture(item):
    file = io.BytesIO()
    draw(item.look).resize((96, 96)).save(file, "PNG")
    return file.getvalue()


def write_features(folder, items):
    ids = [item.item_id for item in items]
    present = np.arange(ITEMS) != WITHOUT_VECTOR
    noise = 0.1 * np.random.default_rng(0).standard_normal((3, ITEMS, 64)).astype(np.float32)
    vectors = [
        oracle(items, name) + noise[at, :, : oracle(items, name).shape[1]]
        for at, name in enumerate(("oracle_image", "oracle_text", "oracle_all"))
    ]
    image, text, both = vectors
    first = [ArraySpace("eye_image", "image", image, present), ArraySpace("word_text", "text", text)]
    write_arrays(folder / "features", ids, first, source={"name": "sample"})
    again = [ArraySpace("unified", "both", both), ArraySpace("eye_image", "image", image, present)]
    write_arrays(folder / "ica" / "features", ids, again)


def interactions(items):
    kinds = sorted({item.look.kind for item in items})
    generator, rows = np.random.default_rng(0), []
    for user in range(30):
        liked = {kinds[(user + step) % len(kinds)] for step in range(4)}
        own = [item.item_id for item in items if item.look.kind in liked]
        splits = ["train"] * 4 + ["valid", "test"]
        for item, split in zip(generator.choice(own, 6, replace=False), splits, strict=True):
            rows.append((f"u{user:02d}", str(item), None, None, split))
    columns = {"user_id": str, "item_id": str, "timestamp": pl.Int64, "rating": pl.Float64, "split": str}
    return pl.DataFrame(rows, schema=columns, orient="row")


def write_scores(folder):
    candidates, shared = open_candidates([folder / "features"])
    world = evaluation_data(pl.read_parquet(folder / "interactions.parquet"), shared, EvaluationOptions())
    options = ScoreOptions(ks=(5,), neighbors=(5,), ratios=(0.0, 0.5, 1.0))
    metrics = ("zero-shot", "item-cf", "mask-modality")
    score(ScoreStage(folder / "scores", candidates, (), ("auto",), metrics, options, {}), world)


def write_model(folder):
    given = FeatureSet.open(folder / "features"), "word_text", folder / "interactions.parquet"
    chosen = configuration(load_recommender("lightgcn")).changed(
        {"dim": 8}, {"epochs": 4, "batch_size": 64, "learning_rate": 0.03}
    )
    train(folder / "model", chosen, read_data(*given), seeds=2, inputs=fingerprints(*given))


def write_alignment(folder):
    """Write what `pretrain-ica` leaves beside its features, as far as a report reads it."""
    model = folder / "model"
    model.mkdir(parents=True)
    epochs = [{"epoch": n, "loss": 3 / n, "valid_loss": 3.2 / n, "word": 1.0} for n in range(1, 251)]
    (model / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in epochs))
    side = {"side": "text", "items": 9, "majority": 0.1, "present": 0.5, "absent": 0.3, "gain": 0.2}
    manifest = alignment_manifest(masked_accuracy=[{**ACCURACY, **side, "gain_low": 0.1, "gain_high": 0.3}])
    (model / "manifest.json").write_text(json.dumps(manifest))
    (model / "model.safetensors").write_bytes(b"")
