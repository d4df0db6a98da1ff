"""A small world with known structure, for the trainer's tests."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl

from featurizer.recsys.data import ItemFeatures, RecData, assemble
from featurizer.recsys.options import ModelName, ModelOptions

SMALL = ModelOptions(dim=8, neighbors=4, half=False)


def toy_interactions(seed: int = 0, users: int = 40, items: int = 30, groups: int = 3) -> pl.DataFrame:
    """Users of a group use items of the group; each has one valid and one test item."""
    generator = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        own = [item for item in range(items) if item % groups == user % groups]
        chosen = generator.choice(own, size=6, replace=False)
        splits = ["train"] * 4 + ["valid", "test"]
        rows += [(f"u{user:03d}", f"i{item:03d}", split) for item, split in zip(chosen, splits, strict=True)]
    return pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row")


def toy_features(seed: int = 0, items: int = 30, groups: int = 3, dim: int = 8) -> ItemFeatures:
    """Items of a group have near vectors."""
    generator = np.random.default_rng([seed, 1])
    centers = generator.standard_normal((groups, dim))
    vectors = centers[np.arange(items) % groups] + 0.3 * generator.standard_normal((items, dim))
    return ItemFeatures(
        [f"i{item:03d}" for item in range(items)], vectors.astype(np.float32), np.ones(items, bool)
    )


def toy_data(seed: int = 0) -> RecData:
    """The toy world, assembled."""
    return assemble(toy_interactions(seed), toy_features(seed))


def options_of(name: ModelName) -> ModelOptions:
    """A small model of that name."""
    return dataclasses.replace(SMALL, name=name, layers=0 if name == "bpr" else 2)
