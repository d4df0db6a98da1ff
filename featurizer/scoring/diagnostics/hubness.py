"""Are a few items everybody's neighbors?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.ranking.neighbors import Neighbors
from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey


def hubness(near: Neighbors, vectors: np.ndarray) -> Iterator[Single]:
    """Yield the skewness of how often an item is among others' k nearest (Radovanović et al., 2010); 0 is even."""
    known = np.flatnonzero(vectors.any(1))
    occurrences = np.bincount(near.items[near.items >= 0], minlength=len(vectors))[known].astype(np.float64)
    spread = occurrences.std() if len(occurrences) else 0.0
    if spread > 0:
        skew = (((occurrences - occurrences.mean()) / spread) ** 3).mean()
        yield Single(MetricKey("diagnostic_hubness", neighbors=near.items.shape[1]), float(skew), len(known))
