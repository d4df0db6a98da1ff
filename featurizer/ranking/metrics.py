"""Recall, precision, NDCG and average precision at K, per user and vectorized.

Each takes (u, ≥ K) bool hits in ranked order and (u,) counts of positives (≥ 1) and returns (u,) float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from featurizer.errors import UnknownName
from featurizer.ranking.rank import Ranking

RANGE = (0.0, 1.0)
"""What every metric here lies in."""
Metric: TypeAlias = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def recall(hits: np.ndarray, positives: np.ndarray, k: int) -> np.ndarray:
    """Return the share of a user's positives that stand in the first k: hits / |positives|."""
    return hits[:, :k].sum(1) / positives


def precision(hits: np.ndarray, positives: np.ndarray, k: int) -> np.ndarray:
    """Return the share of the first k ranks that hold a positive: hits / k."""
    return hits[:, :k].sum(1) / k


def ndcg(hits: np.ndarray, positives: np.ndarray, k: int) -> np.ndarray:
    """Return DCG / ideal DCG with gains 1/log2(rank + 1); the ideal has min(k, |positives|) hits."""
    gains = 1 / np.log2(np.arange(2, k + 2))
    shown = hits[:, :k]
    ideal = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(positives, k)]
    return shown @ gains[: shown.shape[1]] / ideal


def _precision_at_hits(hits: np.ndarray, k: int) -> np.ndarray:
    shown = hits[:, :k]
    return (np.cumsum(shown, axis=1) / np.arange(1, shown.shape[1] + 1) * shown).sum(1)


def average_precision(hits: np.ndarray, positives: np.ndarray, k: int) -> np.ndarray:
    """Return the sum of the precisions at each hit / min(k, |positives|), as MMRec divides."""
    return _precision_at_hits(hits, k) / np.minimum(positives, k)


def average_precision_of_all(hits: np.ndarray, positives: np.ndarray, k: int) -> np.ndarray:
    """Return the sum of the precisions at each hit / |positives|, as trec_eval and ir-measures divide."""
    return _precision_at_hits(hits, k) / positives


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "recall": recall,
        "ndcg": ndcg,
        "precision": precision,
        "map": average_precision,
        "map_all": average_precision_of_all,
    }
)


def parse_metric(name: str) -> tuple[Metric, int]:
    """Read a metric's name, `recall@20` for example.

    Raises:
        UnknownName: no such metric, or K is no positive number.
    """
    stem, _, k = name.partition("@")
    if stem not in METRICS or not (k.isascii() and k.isdigit()) or int(k) < 1:
        raise UnknownName("metric", name, [f"{known}@20" for known in METRICS], advice="K is a whole number.")
    return METRICS[stem], int(k)


def per_user(ranking: Ranking, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return each named metric for each ranked user: {`recall@20`: (u,) float64}.

    Raises:
        UnknownName: no such metric.
    """
    parsed = {name: parse_metric(name) for name in names}
    return {name: metric(ranking.hits, ranking.positives, k) for name, (metric, k) in parsed.items()}


def means(ranking: Ranking, names: Sequence[str]) -> dict[str, float]:
    """Return each named metric's mean over the ranked users."""
    return {name: float(values.mean()) for name, values in per_user(ranking, names).items()}
