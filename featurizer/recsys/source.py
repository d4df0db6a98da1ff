"""What a model is to be trained on, as files: read whole, and fingerprinted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from featurizer.alignment.choose import choose_fusion
from featurizer.alignment.content import ContentMap
from featurizer.alignment.options import AlignOptions
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.store import read_split
from featurizer.interactions.user_items import UserItems
from featurizer.records import Json
from featurizer.recsys.content import read_features, read_parts
from featurizer.recsys.data import RecData, assemble
from featurizer.recsys.options import MIN_COVERAGE
from featurizer.results.files import file_sha256


def read_data(
    features: FeatureSet,
    space: str,
    interactions: Path,
    *,
    item_map: Path | None = None,
    min_coverage: float = MIN_COVERAGE,
    fusion: ContentMap | None = None,
) -> RecData:
    """Read and join a space of a feature set and split interactions.

    Args:
        features: the feature set.
        space: the space, `a+b` for two joined.
        interactions: `.parquet`, `.csv`, `.tsv` or `.inter`, with a split.
        item_map: asin ↔ itemID, where the interactions number their items.
        min_coverage: least share of train pairs whose items must have a feature.
        fusion: how the spaces are joined, as `chosen_fusion` returns it; None for equal weights.

    Raises:
        UnknownName: the feature set has no such space.
        InputError: as `read_split` and `assemble`.
    """
    vectors = read_features(features, space, fusion)
    frame = read_split(interactions, item_map=item_map)
    return assemble(frame, features.item_ids(), vectors, min_coverage=min_coverage)


def chosen_fusion(
    features: FeatureSet, space: str, interactions: Path, *, item_map: Path | None = None, seed: int = 0
) -> ContentMap:
    """Choose how spaces are joined, weights and half-whitening, on held-out items of the train rows.

    Args:
        features: the feature set.
        space: the spaces, `a+b`.
        interactions: as in `read_data`.
        item_map: likewise.
        seed: of the items held out.

    Raises:
        InputError: one space alone, or no user has train items among those held out and among the others.
    """
    parts = read_parts(features, space)
    if len(parts) == 1:
        raise InputError(
            f"--fusion auto chooses how spaces are joined, and {space} is one; expected several, such as --space a+b. "
            "Name them, or leave --fusion out"
        )
    ids = features.item_ids()
    rows = pl.DataFrame({"item_id": ids, "item": np.arange(len(ids))})
    train = (
        read_split(interactions, item_map=item_map)
        .filter(pl.col("split") == "train")
        .join(rows, on="item_id")
    )
    users = train["user_id"].rank("dense").to_numpy().astype(np.int64) - 1
    size = {"n_users": int(users.max(initial=-1)) + 1, "n_items": len(ids)}
    return choose_fusion(
        parts, UserItems.from_pairs(users, train["item"].to_numpy(), **size), AlignOptions(seed=seed)
    )


def fingerprints(
    features: FeatureSet,
    space: str,
    interactions: Path,
    item_map: Path | None = None,
    fusion: ContentMap | None = None,
) -> dict[str, Json]:
    """Return what tells these inputs from others; part of a stage's configuration."""
    return {
        **({} if fusion is None else {"fusion": fusion.told}),
        "features": features.manifest.fingerprint,
        "space": space,
        "interactions": file_sha256(interactions),
        "item_map": file_sha256(item_map) if item_map else None,
    }
