"""The real splits with the features that are to be had of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sports import SPACE, feature_set

from featurizer.interactions.store import read_split
from featurizer.recsys.data import RecData, assemble
from featurizer.recsys.source import read_data


def load(dataset: str, data: Path, runs: Path, *, with_features: bool = True) -> RecData:
    """Return a split with its features, or with none where a model learns from ids alone."""
    folder = data / f"amazon-{dataset}"
    frame = read_split(folder / f"{dataset}.inter.gz")
    ids = [str(row) for row in range(frame["item_id"].cast(int).max() + 1)]
    if not with_features:
        return assemble(frame, ids, np.zeros((len(ids), 1), np.float32), min_coverage=0.0)
    if dataset == "sports":
        mapped = folder / "i_id_mapping.csv"
        return read_data(feature_set(folder, runs), SPACE, folder / "sports.inter.gz", item_map=mapped)
    vectors = np.load(folder / "spectral_768.npy").astype(np.float32)
    return assemble(frame, ids, vectors)
