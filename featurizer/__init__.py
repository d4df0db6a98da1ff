"""Make, judge and publish multimodal item features for recommendation.

    import featurizer as fz

    catalog = fz.ingest(frame_or_path, out="runs/catalog")
    features = fz.extract(catalog, encoders=["efficientnet-lite0", "minilm"], out="runs/features")
    features["minilm_text"].neighbors("B001")

Each function is a command of the program, with the same options and the same result: `docs/python.md`. Nothing heavy
is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__version__ = "0.1.0"

_NAMES = {
    "Catalog": "featurizer.catalog.store",
    "FeatureSet": "featurizer.features.feature_set",
    "Space": "featurizer.features.space",
    "Leaderboard": "featurizer.scoring.board",
    "Model": "featurizer.recsys.model",
    "FeaturizerError": "featurizer.errors",
}
"""The classes of what functions return, and the root of all errors; each with its module."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    if name in __all__:
        return import_module("featurizer.api").function(name)
    raise AttributeError(f"module 'featurizer' has no attribute '{name}'")


def __dir__() -> Sequence[str]:
    return __all__


__all__ = [
    "Catalog",
    "FeatureSet",
    "FeaturizerError",
    "Leaderboard",
    "Model",
    "Space",
    "__version__",
    "align",
    "card",
    "compare",
    "diff",
    "doctor",
    "download",
    "export",
    "extract",
    "from_arrays",
    "import_vectors",
    "ingest",
    "inspect",
    "list_datasets",
    "list_encoders",
    "make_report",
    "open_folder",
    "pretrain_ica",
    "publish",
    "pull",
    "recommend",
    "run_recipe",
    "score_features",
    "train",
    "verify",
]
