"""Several spaces side by side as one: the rule that training and scoring share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from featurizer.features.neighbors import unit_rows


def join(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Join spaces: ((n, Σd) float32 vectors, (n,) bool, present).

    Each part is L2-normalized, a missing one is a zero block, and an item is present where any part is. A
    single part stays as it is.

    Args:
        parts: of each space the (n, d) vectors, zeros where absent, and (n,) bool, present.
    """
    if len(parts) == 1:
        return parts[0]
    present = np.any([there for _, there in parts], axis=0)
    return np.concatenate([unit_rows(vectors) for vectors, _ in parts], axis=1), np.asarray(present)
