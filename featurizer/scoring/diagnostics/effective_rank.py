"""How many dimensions the vectors really use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey


def effective_rank(vectors: np.ndarray) -> Iterator[Single]:
    """Yield exp(entropy of p), p_i = σ_i / Σσ, σ the singular values of the (n, d) vectors that are there.

    1 where all vectors are multiples of one, d where all directions are used alike (Roy & Vetterli, 2007; RankMe,
    Garrido et al., 2023).
    """
    rows = vectors[vectors.any(1)].astype(np.float64)
    if not len(rows):
        return
    values = np.sqrt(np.clip(np.linalg.eigvalsh(rows.T @ rows), 0, None))
    shares = values[values > 0] / values.sum()
    yield Single(
        MetricKey("diagnostic_effective_rank"), float(np.exp(-(shares * np.log(shares)).sum())), len(rows)
    )
