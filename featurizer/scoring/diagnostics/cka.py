"""Do two spaces say the same?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey


def linear_cka(a: np.ndarray, b: np.ndarray) -> Iterator[Single]:
    """Yield ‖AᵀB‖²_F / (‖AᵀA‖_F ‖BᵀB‖_F) of the centered (n, d) and (n, e) vectors of the same items.

    1 where one is a rotation and scaling of the other, near 0 where they are unrelated (Kornblith et al., 2019).
    """
    first, second = (rows.astype(np.float64) - rows.mean(0, dtype=np.float64) for rows in (a, b))
    scale = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    if scale > 0:
        yield Single(
            MetricKey("diagnostic_cka"), float(np.linalg.norm(first.T @ second) ** 2 / scale), len(a)
        )
