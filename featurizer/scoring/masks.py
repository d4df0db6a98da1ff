"""In which order items lose a modality: drawn once, and kept beside the scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.results.files import atomic_path

MASK = "mask_modality"
"""How the metrics of masked modalities begin."""
MODALITIES = ("image", "text")


def mask_order(modality: str, items: int, seed: int) -> np.ndarray:
    """Return the (n,) items in the order in which they lose the modality."""
    return np.random.default_rng([seed, 5, MODALITIES.index(modality)]).permutation(items)


def mask(modality: str, items: int, ratio: float, seed: int) -> np.ndarray:
    """Return (n,) bool, the first int(ratio · n) of the order; a greater ratio masks these and more."""
    lost = np.zeros(items, bool)
    lost[mask_order(modality, items, seed)[: int(ratio * items)]] = True
    return lost


def write_masks(path: Path, item_ids: Sequence[str], seed: int) -> None:
    """Write `item_id` and, of each modality, the item's place in the order: masked where place < int(ratio · n)."""
    columns: dict[str, pa.Array] = {"item_id": pa.array(list(item_ids), pa.string())}
    for modality in MODALITIES:
        columns[f"{modality}_place"] = pa.array(np.argsort(mask_order(modality, len(item_ids), seed)))
    with atomic_path(path) as partial:
        pq.write_table(pa.table(columns), partial)
