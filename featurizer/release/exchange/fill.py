"""What stands in for a vector that is not there, where a format knows no null."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from featurizer.errors import InputError


class Missing(StrEnum):
    """How missing rows are filled."""

    zero = "zero"
    mean = "mean"
    error = "error"


def fill(rows: np.ndarray, present: np.ndarray, missing: Missing, space: str) -> np.ndarray:
    """Return (n, d) rows in which those not `present` (n,) are zero or the mean of the others.

    Raises:
        InputError: rows are missing and `missing` is `error`, or none are present to take the mean of.
    """
    if present.all():
        return rows
    absent = int((~present).sum())
    if missing is Missing.error:
        raise InputError(
            f"{space}: {absent} of {len(rows)} items have no vector; expected one each with --missing error. "
            "Choose --missing zero or mean, or leave the space out with --space"
        )
    if missing is Missing.mean and not present.any():
        raise InputError(f"{space}: no item has a vector, so there is no mean; choose --missing zero")
    filled = rows.copy()
    filled[~present] = rows[present].mean(axis=0, dtype=np.float64) if missing is Missing.mean else 0
    return filled
