"""NumPy files of vectors: written so that a kill leaves none half, read without unpickling anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from featurizer.errors import InputError
from featurizer.results.files import atomic_path


def write_array(path: Path, rows: np.ndarray, dtype: str = "float32") -> None:
    """Write (n, d) rows as a `.npy` file."""
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.save(file, rows.astype(dtype, copy=False))


def read_array(path: Path) -> np.ndarray:
    """Read (n, d) rows from a `.npy` file, mapped into memory.

    Raises:
        InputError: missing, no NumPy file, pickled, not two-dimensional, or not numbers.
    """
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read as a NumPy file of numbers: {error}") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind not in "fiu":
        shape = getattr(rows, "shape", "?")
        raise InputError(
            f"{path} holds {getattr(rows, 'dtype', 'several arrays')} of shape {shape}; expected numbers of shape "
            "(items, dim)"
        )
    return rows
