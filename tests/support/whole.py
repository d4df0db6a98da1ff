"""One real result of each kind, small: a catalog, a feature set with all that lies beside it, three models, scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

import featurizer as fz
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.interactions import InteractionFiles
from featurizer.features.extract import ExtractOptions, extract
from featurizer.ica.options import Architecture, IcaOptions, Objective, Training
from featurizer.ica.pretrain import PretrainRun, pretrain
from featurizer.ica.token_store import TokenEncoders
from featurizer.recsys.configuration import configuration
from featurizer.recsys.registry import load_recommender
from featurizer.recsys.train import train
from featurizer.release.model import write_model_card
from featurizer.release.recard import recard
from featurizer.testing.recommenders import sample_data
from tests.ica.conftest import record
from tests.support.color import encoders
from tests.support.items import ListSource
from tests.support.small_tokens import Patches, Words

ITEMS = 60
ORIGIN = {"name": "shop", "license": "CC0-1.0"}


def interactions(path: Path) -> Path:
    """Write who had what: users mostly keep to one in three items."""
    draw = np.random.default_rng(0)
    rows = []
    for user in range(40):
        weights = np.where(np.arange(ITEMS) % 3 == user % 3, 3.0, 1.0)
        chosen = draw.choice(ITEMS, 10, replace=False, p=weights / weights.sum())
        splits = ["train"] * 6 + ["valid"] * 2 + ["test"] * 2
        rows += [(f"u{user}", f"i{item}", split) for item, split in zip(chosen, splits, strict=True)]
    pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row").write_csv(path)
    return path


def make_all(folder: Path) -> None:
    """Write `catalog`, `set`, `scores`, `model`, `aligned` and `ica` into a folder."""
    pairs = interactions(folder / "pairs.csv")
    source = ListSource([record(number) for number in range(ITEMS)])
    with ImageFetcher() as fetcher:
        catalog = ingest(
            source,
            folder / "catalog",
            part_rows=25,
            fetcher=fetcher,
            origin=ORIGIN,
            interactions=InteractionFiles((pairs,)),
        )
    features = extract(catalog, encoders(), folder / "set", ExtractOptions(shard_rows=25))
    fz.score_features(
        [features],
        interactions=pairs,
        metrics=["zero-shot"],
        out=folder / "scores",
        attach=True,
        progress=False,
    )
    recard(folder / "set", license="CC-BY-4.0", catalog=folder / "catalog")
    fz.align(features, interactions=pairs, ranks=[4], width=16, out=folder / "aligned", progress=False)
    chosen = configuration(load_recommender("bpr")).changed(
        {"dim": 4}, {"epochs": 2, "batch_size": 64, "evaluate_every": 1}
    )
    train(folder / "model", chosen, sample_data(), inputs={"features": "x"}, seeds=2)
    write_model_card(folder / "model", license="Apache-2.0")
    ica = IcaOptions(
        architecture=Architecture(width=16, layers=1, heads=2, fused_layers=1),
        objective=Objective(codes=4),
        training=Training(epochs=1, batch_size=32, valid_share=0.3),
    )
    pretrain(catalog, TokenEncoders(Patches(), Words()), folder / "ica", ica, PretrainRun("patches", "words"))
