"""Each item's nearest by cosine, decided in float64: the same on every machine, equal ones in the items' order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from featurizer.progress import Progress, Report, silent
from featurizer.ranking.cosine import HALF_ERROR, HALVES_FROM, unit_rows

DECIMALS = 9
"""Cosines that agree to so many are equal."""
SPARE = 462
"""Proposals beyond k: enough that the ones within the error bound are among them for most rows."""


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Each item's nearest, best first.

    Attributes:
        items: (n, k) int64; -1 where an item has no vector or fewer others have one.
        cosines: (n, k) float64, 0 there.
    """

    items: np.ndarray
    cosines: np.ndarray

    def first(self, k: int) -> Neighbors:
        """Return the k nearest of them."""
        return Neighbors(self.items[:, :k], self.cosines[:, :k])


def nearest(
    vectors: np.ndarray,
    k: int,
    *,
    memory: int,
    device: str = "cpu",
    halves: bool = False,
    report: Report = silent,
) -> Neighbors:
    """Find each item's k nearest other items by cosine; negative cosines count as any.

    A product in bfloat16 or float32 proposes, float64 decides among all that its error bound leaves open.

    Args:
        vectors: (n, d); a zero row is an item without a vector: it has no neighbors and is nobody's.
        k: neighbors an item.
        memory: bytes that a block of cosines may take.
        device: where to multiply.
        halves: propose in bfloat16.
        report: told how many items are done, where there is more than one block.
    """
    units = unit_rows(vectors)
    rows = np.flatnonzero(units.any(1))
    known = units[rows]
    items, cosines = np.full((len(units), k), -1), np.zeros((len(units), k))
    fits = min(k, len(known) - 1)
    if fits < 1:
        return Neighbors(items, cosines)
    search = _Search.over(known, fits, device, halves=halves and len(known) >= HALVES_FROM)
    block = max(1, memory // (len(known) * 8))
    for start in range(0, len(known), block):
        part = np.arange(start, min(start + block, len(known)))
        found, values = search.best(part)
        items[rows[part], :fits], cosines[rows[part], :fits] = rows[found], values
        if len(known) > block:
            report(Progress("neighbors", int(part[-1]) + 1, len(known)))
    return Neighbors(items, cosines)


@dataclass(frozen=True, slots=True)
class _Search:
    """The known items in every arithmetic.

    Attributes:
        units: (n, d) float64.
        single: (n, d) float32.
        rough: (n, d) on the device, in the dtype that proposes.
        k: neighbors an item, fewer than n.
    """

    units: np.ndarray
    single: np.ndarray
    rough: torch.Tensor
    k: int

    @classmethod
    def over(cls, units: np.ndarray, k: int, device: str, *, halves: bool) -> _Search:
        rough = torch.from_numpy(units).to(device, torch.bfloat16 if halves else torch.float32)
        return cls(units, units.astype(np.float32), rough, k)

    @property
    def error(self) -> float:
        """Bound on how far a float32 product of unit rows is off."""
        return (self.units.shape[1] + 16) * 2**-24

    def best(self, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the (b, k) nearest of (b,) items and their cosines."""
        rows = torch.from_numpy(part)
        similar = self.rough[rows] @ self.rough.T
        similar[torch.arange(len(part)), rows] = -torch.inf
        values, proposed = similar.topk(min(self.k + SPARE, len(self.units) - 1))
        margin = self.error + (HALF_ERROR if self.rough.dtype == torch.bfloat16 else 0)
        remains = _remaining(values.float().cpu().numpy(), self.k, margin)
        complete = ~remains[:, -1] if proposed.shape[1] < len(self.units) - 1 else np.ones(len(part), bool)
        found, cosines = np.empty((len(part), self.k), np.int64), np.empty((len(part), self.k))
        single, double = (_Rows(table, proposed.shape[1]) for table in (self.single, self.units))
        for row, candidates in enumerate(proposed.cpu().numpy()):
            item = int(part[row])
            chosen = candidates[remains[row]] if complete[row] else self._others(item)
            nearly = single.dot(chosen, item)
            best = -np.partition(-nearly, self.k - 1)[: self.k]
            chosen = chosen[nearly >= best.min() - 2 * self.error]
            exact = np.round(double.dot(chosen, item), DECIMALS)
            order = np.lexsort((chosen, -exact))[: self.k]
            found[row], cosines[row] = chosen[order], exact[order]
        return found, cosines

    def _others(self, item: int) -> np.ndarray:
        return np.delete(np.arange(len(self.units)), item)


class _Rows:
    """Products of a few rows of a table with one of them; rows are gathered into one buffer, which is faster."""

    def __init__(self, table: np.ndarray, many: int) -> None:
        self.table, self.buffer = table, np.empty((many, table.shape[1]), table.dtype)

    def dot(self, chosen: np.ndarray, item: int) -> np.ndarray:
        """Return the (c,) products of the chosen rows with row `item`."""
        if len(chosen) > len(self.buffer):
            return np.asarray((self.table @ self.table[item])[chosen])
        rows = np.take(self.table, chosen, axis=0, out=self.buffer[: len(chosen)], mode="clip")
        return np.asarray(rows @ self.table[item])


def _remaining(values: np.ndarray, k: int, margin: float) -> np.ndarray:
    """Say which of (b, m) rough cosines, the best k first, may belong to the k nearest.

    k items have a rough cosine of at least the k-th, so the true k-th is at most `margin` below it, and whatever
    is as near has a rough one at most twice `margin` below.
    """
    return np.asarray(values >= values[:, k - 1, None] - 2 * margin)
