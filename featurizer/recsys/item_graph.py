"""The graph between items: each item's nearest by cosine of their features, found in blocks."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from featurizer.ranking.rank import top_items
from featurizer.recsys.csr import Operator

BLOCK = 1024


def nearest_items(features: torch.Tensor, k: int, *, block: int = BLOCK) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each item's k nearest by cosine, itself included: ((n, k) int64, (n, k) float32), best first.

    Never more than `block · n` similarities are in memory. A zero feature row has no neighbours and is
    nobody's: its places, and those whose cosine is not positive, hold the index -1 and the cosine 0. Equal
    cosines are ordered by index.

    Args:
        features: (n, d); an item without a feature is a zero row.
        k: neighbours an item, itself among them.
        block: rows at once.
    """
    units = functional.normalize(features.float(), dim=1)
    known = units.any(1)
    k = min(k, len(units))
    indices = torch.full((len(units), k), -1, dtype=torch.int64, device=units.device)
    cosines = torch.zeros((len(units), k), device=units.device)
    for start in range(0, len(units), block):
        rows = slice(start, start + block)
        similar = units[rows] @ units.T
        similar[:, ~known] = -torch.inf
        found = top_items(similar, k)
        values = similar.gather(1, found.clamp(min=0))
        absent = (found < 0) | (values <= 0) | ~known[rows, None]
        indices[rows] = found.masked_fill(absent, -1)
        cosines[rows] = values.masked_fill(absent, 0)
    return indices, cosines


def normalized_neighbours(indices: torch.Tensor, cosines: torch.Tensor, *, binary: bool = False) -> Operator:
    """Return S (n, n) with weights deg(row)^-½ · w · deg(column)^-½, deg being the row sums of w.

    Args:
        indices: (n, k) from `nearest_items`; -1 is no neighbour.
        cosines: (n, k).
        binary: weigh every neighbour 1 (FREEDOM) instead of with its cosine (AlignRec).
    """
    columns = indices.cpu().numpy()
    present = columns >= 0
    weights = np.where(present, 1.0 if binary else cosines.cpu().numpy().astype(np.float64), 0.0)
    degrees = weights.sum(1)
    scale = np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
    values = (scale[:, None] * weights * scale[columns])[present]
    starts = np.concatenate([[0], np.cumsum(present.sum(1))]).astype(np.int32)
    matrix = sparse.csr_array(
        (values.astype(np.float32), columns[present].astype(np.int32), starts), shape=(len(columns),) * 2
    )
    return Operator.from_scipy(matrix)
