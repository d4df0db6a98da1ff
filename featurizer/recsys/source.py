"""What a model is to be trained on, as files: read whole, and fingerprinted."""

from __future__ import annotations

from pathlib import Path

from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.store import read_split
from featurizer.records import Json
from featurizer.recsys.content import read_features
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
) -> RecData:
    """Read and join a space of a feature set and split interactions.

    Args:
        features: the feature set.
        space: the space, `a+b` for two joined.
        interactions: `.parquet`, `.csv`, `.tsv` or `.inter`, with a split.
        item_map: asin ↔ itemID, where the interactions number their items.
        min_coverage: least share of train pairs whose items must have a feature.

    Raises:
        UnknownName: the feature set has no such space.
        InputError: as `read_split` and `assemble`.
    """
    vectors = read_features(features, space)
    frame = read_split(interactions, item_map=item_map)
    return assemble(frame, features.item_ids(), vectors, min_coverage=min_coverage)


def fingerprints(
    features: FeatureSet, space: str, interactions: Path, item_map: Path | None = None
) -> dict[str, Json]:
    """Return what tells these inputs from others; part of a stage's configuration."""
    return {
        "features": features.manifest.fingerprint,
        "space": space,
        "interactions": file_sha256(interactions),
        "item_map": file_sha256(item_map) if item_map else None,
    }
