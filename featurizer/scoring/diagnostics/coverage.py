"""How many items have a vector at all, and one of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.spaces import ScoredSpace


def coverage(space: ScoredSpace) -> Iterator[Single]:
    """Yield, as shares of all items: with a vector, without one, stored all zero, and equal to an earlier one.

    A vector that is not finite is no figure here: reading it is an error.
    """
    vectors = space.vectors
    known = np.asarray(vectors.any(1))
    items = len(known)
    distinct = len(np.unique(vectors[known], axis=0))
    zero = np.any([part.zero for part in space.parts], axis=0)
    yield Single(MetricKey("diagnostic_coverage"), float(known.mean()), items)
    yield Single(MetricKey("diagnostic_null"), float((~known).mean()), items)
    yield Single(MetricKey("diagnostic_zero"), float(zero.mean()), items)
    yield Single(MetricKey("diagnostic_duplicate"), float((known.sum() - distinct) / items), items)
