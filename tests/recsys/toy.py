"""A small world with known structure, for the trainer's tests."""

from __future__ import annotations

from featurizer.recsys.configuration import Configuration, configuration
from featurizer.recsys.registry import load_recommender
from featurizer.testing.recommenders import sample_data as toy_data
from featurizer.testing.recommenders import sample_features as toy_features
from featurizer.testing.recommenders import sample_interactions as toy_interactions

__all__ = ["CLOSED_FORMS", "MODELS", "small", "toy_data", "toy_features", "toy_interactions"]

MODELS = ("alignrec", "lightgcn", "bpr", "vbpr", "freedom")
CLOSED_FORMS = ("itemknn", "itemknn-content", "itemknn-joint", "ease", "ridge")
SMALL = {"dim": 8, "layers": 2, "neighbors": 4, "l2": 1e-4, "half": False}


def small(name: str = "alignrec", options=None, training=None) -> Configuration:
    """A small model of that name, to be trained under seed 0 in batches of 64, evaluated each epoch."""
    recommender = load_recommender(name)
    own = recommender.options.model_fields
    given = {key: value for key, value in SMALL.items() if key in own} | (options or {})
    often = {"batch_size": 64, "evaluate_every": 1, "patience": 30}
    return configuration(recommender).changed(given, often | (training or {}))
