"""The figures of a training run: what it was trained on, each seed, their spread, and groups."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import numpy as np
import torch

import featurizer
from featurizer.ranking.groups import group_recalls
from featurizer.records import Json
from featurizer.recsys.data import NAMED, RecData
from featurizer.recsys.fit import Fitted, ranked
from featurizer.recsys.sampler import Sampler
from featurizer.results.manifests.recommender import GroupFigures, SeedFigures

GROUP_K = 20


def summarize(
    model: str, data: RecData, kept: Fitted, seeds: Sequence[SeedFigures], seconds: float
) -> dict[str, Json]:
    """Return what `manifest.json` says of a run.

    Args:
        model: its name.
        data: what was trained on.
        kept: the seed with the best validation Recall@20; the figures outside `seeds` are its.
        seeds: one entry a seed, as `seed_summary` makes them.
        seconds: of the stage since it was last started.
    """
    return {
        "format_version": 1,
        "featurizer_version": featurizer.__version__,
        "model": model,
        "seed": kept.epochs[0]["seed"],
        "best_epoch": kept.best_epoch,
        "epochs": len(kept.epochs),
        "seconds": round(seconds, 3),
        "valid": dict(kept.valid),
        "test": dict(kept.test),
        "seeds": [row.document() for row in seeds],
        "over_seeds": over_seeds(seeds),
        "groups": _groups(data, kept),
        "data": describe(data),
        "versions": {
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def seed_summary(seed: int, fitted: Fitted) -> SeedFigures:
    """Return one seed's epochs and figures."""
    return SeedFigures(
        seed=seed,
        best_epoch=fitted.best_epoch,
        epochs=len(fitted.epochs),
        valid=dict(fitted.valid),
        test=dict(fitted.test),
    )


def over_seeds(seeds: Sequence[SeedFigures]) -> dict[str, Json]:
    """Return each split's metrics as mean and standard deviation (n − 1) over the seeds."""
    found: dict[str, Json] = {}
    for split in ("valid", "test"):
        rows = [row.valid if split == "valid" else row.test for row in seeds]
        values = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        found[split] = {
            name: {"mean": float(value.mean()), "sd": float(value.std(ddof=1)) if len(value) > 1 else None}
            for name, value in values.items()
        }
    return found


def describe(data: RecData) -> dict[str, Json]:
    """Return what was trained on, and what of it is not as one would wish, counted."""
    no_train = data.train.counts == 0
    return {
        "users": data.n_users,
        "items": data.n_items,
        "train": len(data.train.items),
        "valid": len(data.valid.items),
        "test": len(data.test.items),
        "items_without_features": int((~data.known).sum()),
        "items_not_in_feature_set": len(data.absent_items),
        "items_not_in_feature_set_such_as": list(data.absent_items[:NAMED]),
        "coverage": data.covered,
        "cold_items": int((data.train.popularity() == 0).sum()),
        "users_without_train_items": int(no_train.sum()),
        "users_without_negatives": Sampler.of(data.train).saturated_users,
        "repeated_rows": data.repeats,
        "valid_users_not_ranked": int((no_train & (data.valid.counts > 0)).sum()),
        "test_users_not_ranked": int((no_train & (data.test.counts > 0)).sum()),
        "valid_pairs_in_train": data.valid.shared(data.train),
        "test_pairs_in_train": data.test.shared(data.train),
        "test_pairs_in_valid": data.test.shared(data.valid),
    }


def _groups(data: RecData, kept: Fitted) -> list[Json]:
    shown = ranked(kept.embeddings, data.train, data.test, (GROUP_K,))
    return [
        GroupFigures(
            name=group.name, users=group.users, positives=group.positives, recall=group.recall
        ).document()
        for group in group_recalls(shown, data.train, data.test, GROUP_K)
    ]
