"""The graph between items: each joined to its nearest by cosine of their features, itself included."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from featurizer.encoders.device import halves_pay
from featurizer.ranking.nearest import nearest
from featurizer.ranking.neighbors import Neighbors
from featurizer.recsys.csr import Csr


def neighbor_graph(features: torch.Tensor, k: int, *, binary: bool = False) -> Csr:
    """Return S (n, n) of the k nearest items of each, on the features' device; see `normalized_neighbors`.

    Args:
        features: (n, d); an item without a feature is a zero row, which is joined to nothing.
        k: neighbors an item, itself among them.
        binary: see `normalized_neighbors`.
    """
    device = features.device
    near = nearest(features.cpu().numpy(), k, itself=True, device=str(device), halves=halves_pay(device))
    return Csr.from_scipy(normalized_neighbors(near, binary=binary)).to(device)


def normalized_neighbors(near: Neighbors, *, binary: bool = False) -> sparse.csr_array:
    """Return S (n, n) with weights deg(row)^-½ · w · deg(column)^-½, deg being the row sums of w.

    Args:
        near: of all n items; those whose cosine is not positive are left out.
        binary: weigh every neighbor 1 (FREEDOM) instead of with its cosine (AlignRec).
    """
    columns, present = near.items, (near.items >= 0) & (near.cosines > 0)
    weights = np.where(present, 1.0 if binary else near.cosines, 0.0)
    degrees = weights.sum(1)
    scale = np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
    values = (scale[:, None] * weights * scale[columns])[present]
    starts = np.concatenate([[0], np.cumsum(present.sum(1))]).astype(np.int32)
    entries = values.astype(np.float32), columns[present].astype(np.int32), starts
    return sparse.csr_array(entries, shape=(len(columns),) * 2)
