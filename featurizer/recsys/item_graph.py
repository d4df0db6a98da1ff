"""The graph between items: each item's nearest by cosine of their features, found in blocks."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from featurizer.encoders.device import halves_pay
from featurizer.ranking.cosine import HALF_ERROR, HALVES_FROM
from featurizer.ranking.rank import top_items
from featurizer.recsys.csr import Operator

BLOCK = 1024
SPARE = 54
"""Candidates beyond k that half precision proposes; more of them make the slow way rarer."""


def neighbor_graph(features: torch.Tensor, k: int, *, binary: bool = False) -> Operator:
    """Return S (n, n) of the k nearest items of each, on the features' device; see `normalized_neighbors`."""
    return normalized_neighbors(*nearest_items(features, k), binary=binary).to(features.device)


def nearest_items(features: torch.Tensor, k: int, *, block: int = BLOCK) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each item's k nearest by cosine, itself included: ((n, k) int64, (n, k) float32), best first.

    Never more than `block · n` similarities are in memory. A zero feature row has no neighbors and is
    nobody's: its places, and those whose cosine is not positive, hold the index -1 and the cosine 0. Equal
    cosines are ordered by index.

    Args:
        features: (n, d); an item without a feature is a zero row.
        k: neighbors an item, itself among them.
        block: rows at once.
    """
    units = functional.normalize(features.float(), dim=1)
    known = units.any(1)
    k = min(k, len(units))
    indices = torch.full((len(units), k), -1, dtype=torch.int64, device=units.device)
    cosines = torch.zeros((len(units), k), device=units.device)
    halves = units.bfloat16() if halves_pay(units.device) and len(units) >= HALVES_FROM else None
    for start in range(0, len(units), block):
        rows = slice(start, start + block)
        if halves is None:
            found, values = _best(units[rows], units, known, k)
        else:
            found, values = _best_by_halves(rows, units, halves, known, k)
        absent = (found < 0) | (values <= 0) | ~known[rows, None]
        indices[rows] = found.masked_fill(absent, -1)
        cosines[rows] = values.masked_fill(absent, 0)
    return indices, cosines


def _best(
    queries: torch.Tensor, units: torch.Tensor, known: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    similar = queries @ units.T
    similar[:, ~known] = -torch.inf
    found = top_items(similar, k)
    return found, similar.gather(1, found.clamp(min=0))


def _best_by_halves(
    rows: slice, units: torch.Tensor, halves: torch.Tensor, known: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `_best` does: bfloat16 proposes, float32 decides.

    Whatever was not proposed scores at most the last proposal plus the error bound. Rows whose k-th best is not
    above that are done again in float32.
    """
    rough = halves[rows] @ halves.T
    rough[:, ~known] = -torch.inf
    proposed, candidates = rough.topk(min(k + SPARE, len(units)), sorted=True)
    candidates = candidates.sort(1).values
    similar = torch.cat(
        [
            torch.bmm(units[part], units[rows][piece, :, None])[:, :, 0]
            for piece, part in zip(
                torch.arange(len(candidates), device=units.device).split(128),
                candidates.split(128),
                strict=True,
            )
        ]
    )
    similar.masked_fill_(~known[candidates], -torch.inf)
    places = top_items(similar, k).clamp(min=0)
    found, values = candidates.gather(1, places), similar.gather(1, places)
    unsure = known[rows] & (values[:, -1] <= proposed[:, -1].float() + HALF_ERROR)
    if unsure.any():
        found[unsure], values[unsure] = _best(units[rows][unsure], units, known, k)
    return found, values


def normalized_neighbors(indices: torch.Tensor, cosines: torch.Tensor, *, binary: bool = False) -> Operator:
    """Return S (n, n) with weights deg(row)^-½ · w · deg(column)^-½, deg being the row sums of w.

    Args:
        indices: (n, k) from `nearest_items`; -1 is no neighbor.
        cosines: (n, k).
        binary: weigh every neighbor 1 (FREEDOM) instead of with its cosine (AlignRec).
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
