"""The nearest by cosine, decided in float64: the same on every machine, equal ones in the items' order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from featurizer.progress import Progress, Report, silent
from featurizer.ranking.cosine import HALF_ERROR, HALVES_FROM
from featurizer.ranking.neighbors import DECIMALS, Neighbors
from featurizer.ranking.rank import top_items

SPARE, SPARE_OF_HALVES = 14, 462
"""Proposals beyond k, in float32 and in bfloat16: enough that all within its error bound are among them."""
BLOCK = 1024
"""Queries at once, at most."""
PIECE = 1 << 20
"""Numbers of candidates that are multiplied again at once: they stay in the processor's cache."""
MEMORY = 1 << 28


def nearest(
    vectors: np.ndarray,
    k: int,
    *,
    queries: np.ndarray | None = None,
    itself: bool = False,
    memory: int = MEMORY,
    device: str = "cpu",
    halves: bool = False,
    report: Report = silent,
) -> Neighbors:
    """Find the k items nearest to an item by cosine, exactly; negative cosines count as any.

    A product in bfloat16 or float32 proposes, float64 decides among all that its error bound leaves open. Cosines
    that agree to 9 decimals are equal, and equal ones come in the items' order.

    Args:
        vectors: (n, d); a row that is zero or not finite is an item without a vector: it has no neighbors and is
            nobody's.
        k: neighbors an item.
        queries: (q,) the items to find them of; None for all n.
        itself: whether an item is among its own neighbors.
        memory: bytes that a block of cosines may take.
        device: where to multiply.
        halves: propose in bfloat16, where there are items enough for it to pay.
        report: told how many queries are done, where there is more than one block.
    """
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    known = np.flatnonzero((norms > 0) & np.isfinite(norms))
    place = np.full(len(vectors), -1)
    place[known] = np.arange(len(known))
    asked = place if queries is None else place[queries]
    items, cosines = np.full((len(asked), k), -1), np.zeros((len(asked), k))
    fits = min(k, len(known) - (0 if itself else 1))
    if fits < 1:
        return Neighbors(items, cosines)
    rows = np.flatnonzero(asked >= 0)
    size = max(1, min(BLOCK, len(rows), memory // (len(known) * 8)))
    search = _Search.over(
        vectors, known, norms[known], fits, device, block=size, halves=halves, itself=itself
    )
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        found, values = search.best(torch.from_numpy(asked[part]).to(device))
        items[part, :fits], cosines[part, :fits] = known[found.cpu().numpy()], values.cpu().numpy()
        if len(rows) > size:
            report(Progress("neighbors", min(start + size, len(rows)), len(rows)))
    return Neighbors(items, cosines)


@dataclass(frozen=True)
class _Search:
    """The n items that have a vector, in every arithmetic.

    Attributes:
        vectors: (n, d) as given.
        inverse: (n,) float64, one over the length of each.
        single: (n, d) float32 rows of length 1.
        rough: the same in the dtype that proposes.
        k: neighbors an item, at most as many as there are.
        buffer: (b, n) where a block of cosines goes; fresh memory for each would cost as much as the rest.
        k: neighbors an item, at most as many as there are.
        itself: whether an item is among its own.
    """

    vectors: torch.Tensor
    inverse: torch.Tensor
    single: torch.Tensor
    rough: torch.Tensor
    buffer: torch.Tensor
    k: int
    itself: bool

    @classmethod
    def over(
        cls,
        vectors: np.ndarray,
        known: np.ndarray,
        norms: np.ndarray,
        k: int,
        device: str,
        *,
        block: int,
        halves: bool,
        itself: bool,
    ) -> _Search:
        kept = vectors if len(known) == len(vectors) else vectors[known]
        table = torch.from_numpy(np.require(kept, requirements="W")).to(device)
        units = np.multiply(
            kept, 1 / norms[:, None], out=np.empty(kept.shape, np.float32), casting="same_kind"
        )
        single, inverse = (torch.from_numpy(values).to(device) for values in (units, 1 / norms))
        rough = single.bfloat16() if halves and len(known) >= HALVES_FROM else single
        return cls(table, inverse, single, rough, rough.new_empty(block, len(known)), k, itself)

    @cached_property
    def units(self) -> torch.Tensor:
        """(n, d) float64 rows of length 1: for queries that no proposal settles."""
        return self.vectors.double() * self.inverse[:, None]

    @property
    def error(self) -> float:
        """Bound on how far a float32 product of unit rows is off."""
        return (self.single.shape[1] + 16) * 2**-24

    @property
    def is_half(self) -> bool:
        """Whether bfloat16 proposes."""
        return self.rough.dtype == torch.bfloat16

    def best(self, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the (b, k) nearest of (b,) items and their cosines."""
        similar = torch.mm(self.rough[queries], self.rough.T, out=self.buffer[: len(queries)])
        similar = self._without_itself(similar, queries)
        others = len(self.single) - (0 if self.itself else 1)
        values, proposed = similar.topk(min(self.k + (SPARE_OF_HALVES if self.is_half else SPARE), others))
        margin = self.error + (HALF_ERROR if self.is_half else 0)
        size = max(1, PIECE // proposed[0].numel() // self.single.shape[1])
        pieces = [
            self._decide(*piece, margin)
            for piece in zip(
                queries.split(size), proposed.split(size), values.float().split(size), strict=True
            )
        ]
        found, cosines = torch.cat([piece[0] for piece in pieces]), torch.cat([piece[1] for piece in pieces])
        unsure = _remaining(values.float(), self.k, margin)[:, -1].nonzero().flatten()
        if proposed.shape[1] < others and len(unsure):
            for few in unsure.split(max(1, len(similar) // 2)):  # float64 takes twice the room
                found[few], cosines[few] = self._from_all(queries[few])
        return found, cosines

    def _without_itself(self, similar: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        if not self.itself:
            similar[torch.arange(len(queries), device=queries.device), queries] = -torch.inf
        return similar

    def _decide(
        self, queries: torch.Tensor, candidates: torch.Tensor, values: torch.Tensor, margin: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the best k of (p, m) candidates, given by their rough cosines, best first."""
        chosen = candidates[:, : _width(values, self.k, margin)]
        if self.is_half:
            nearly = _products(self.single, queries, chosen).sort(dim=1, descending=True)
            chosen = chosen.gather(1, nearly.indices)[:, : _width(nearly.values, self.k, self.error)]
        chosen = chosen.sort(dim=1).values
        exact = _products(self.vectors, queries, chosen, torch.float64)
        exact = exact.mul_(self.inverse[chosen]).mul_(self.inverse[queries, None]).round_(decimals=DECIMALS)
        order = exact.sort(dim=1, descending=True, stable=True)
        return chosen.gather(1, order.indices[:, : self.k]), order.values[:, : self.k]

    def _from_all(self, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        similar = (self.units[queries] @ self.units.T).round_(decimals=DECIMALS)
        found = top_items(self._without_itself(similar, queries), self.k)
        return found, similar.gather(1, found)


def _products(
    table: torch.Tensor, queries: torch.Tensor, others: torch.Tensor, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Return the (p, c) products of (p,) rows of a table with the (p, c) others of each."""
    rows = table.index_select(0, others.flatten()).to(dtype).view(*others.shape, -1)
    return torch.bmm(table[queries].to(dtype)[:, None], rows.transpose(1, 2))[:, 0]


def _width(values: torch.Tensor, k: int, margin: float) -> int:
    """Return how many columns of (p, m) rough cosines, best first, hold all that may belong to the k nearest."""
    return int(_remaining(values, k, margin).sum(1).max())


def _remaining(values: torch.Tensor, k: int, margin: float) -> torch.Tensor:
    """Say which of (b, m) rough cosines, best first, may belong to the k nearest.

    k items have a rough cosine of at least the k-th, so the true k-th is at most `margin` below it, and whatever
    is as near has a rough one at most twice `margin` below.
    """
    return values >= values[:, k - 1, None] - 2 * margin
