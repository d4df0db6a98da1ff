"""The `manifest.json` of any trained model: a recommender's, or a pre-trained alignment's."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from featurizer.results.manifests.ica import IcaManifest, read_ica_manifest
from featurizer.results.manifests.recommender import RecommenderManifest, read_recommender_manifest
from featurizer.results.spelling import read_manifest

ModelManifest: TypeAlias = RecommenderManifest | IcaManifest


def read_model_manifest(path: Path) -> ModelManifest:
    """Read a model's `manifest.json`; an alignment says of itself that it is one.

    Raises:
        InputError: it is missing or damaged.
    """
    return read_ica_manifest(path) if "model_type" in read_manifest(path) else read_recommender_manifest(path)
