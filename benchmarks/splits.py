"""The real splits with the features that are to be had of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sports import SPACE, feature_set

from featurizer.interactions.store import read_split
from featurizer.recsys.data import ItemFeatures, RecData, assemble
from featurizer.recsys.source import Source


def load(dataset: str, data: Path, runs: Path, *, with_features: bool = True) -> RecData:
    """Return a split with its features, or with none where a model learns from ids alone."""
    folder = data / f"amazon-{dataset}"
    frame = read_split(folder / f"{dataset}.inter.gz")
    ids = [str(row) for row in range(frame["item_id"].cast(int).max() + 1)]
    if not with_features:
        none = ItemFeatures(ids, np.zeros((len(ids), 1), np.float32), np.zeros(len(ids), bool))
        return assemble(frame, none, min_coverage=0.0)
    if dataset == "sports":
        made = feature_set(folder, runs).folder
        mapped = folder / "i_id_mapping.csv"
        return Source.of(made, folder / "sports.inter.gz", space=SPACE, item_map=mapped).read()
    vectors = np.load(folder / "spectral_768.npy").astype(np.float32)
    return assemble(frame, ItemFeatures(ids, vectors, np.ones(len(ids), bool)))
