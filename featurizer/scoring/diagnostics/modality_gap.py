"""How far apart the pictures and the texts of a shared space lie."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.ranking.cosine import unit_rows
from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey


def modality_gap(a: np.ndarray, b: np.ndarray) -> Iterator[Single]:
    """Yield ‖mean(a) − mean(b)‖ of the L2-normalized (n, d) vectors of the same items (Liang et al., 2022)."""
    gap = np.linalg.norm(unit_rows(a).mean(0) - unit_rows(b).mean(0))
    yield Single(MetricKey("diagnostic_modality_gap"), float(gap), len(a))
