"""The embedded sample without its pictures: what was planted, and who bought what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from featurizer.catalog.sample.oracle import oracle
from featurizer.catalog.sample.traits import make_items
from featurizer.catalog.sample.users import make_reviews
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.interactions.split import split
from featurizer.interactions.store import write_interactions

SEED = 2024


def write_world(folder: Path, *, items: int = 600, users: int = 500) -> Path:
    """Write `interactions.parquet` and the feature sets `oracle`, `random_a` and `random_b` into `folder`."""
    drawn = make_items(items, np.random.default_rng([SEED, 0]))
    ids = [item.item_id for item in drawn]
    spaces = [
        ArraySpace(name, modality, oracle(drawn, name))
        for name, modality in (("oracle_image", "image"), ("oracle_text", "text"), ("oracle_all", "both"))
    ]
    write_arrays(folder / "oracle", ids, spaces)
    for seed, name in enumerate(("random_a", "random_b")):
        noise = np.random.default_rng([seed, 7]).standard_normal((items, 32)).astype(np.float32)
        write_arrays(folder / name, ids, [ArraySpace("noise", "image", noise)])
    reviews = make_reviews(drawn, users, np.random.default_rng([SEED, 2]))
    frame = pl.DataFrame(
        {
            "user_id": [review.user_id for review in reviews],
            "item_id": [ids[review.item] for review in reviews],
            "timestamp": [review.timestamp for review in reviews],
            "rating": [float(review.rating) for review in reviews],
            "split": None,
        }
    ).unique(["user_id", "item_id"], maintain_order=True)
    write_interactions(split(frame, "random"), folder / "interactions.parquet")
    return folder
