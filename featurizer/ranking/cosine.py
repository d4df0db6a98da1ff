"""Ranks by cosine to a user's mean vector: cheap arithmetic rules out, float64 decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import torch

from featurizer.interactions.user_items import UserItems
from featurizer.ranking.ranks import TIE, train_matrix

ABSENT = -4.0
"""The score of an item without a vector: below every cosine."""
HALF_ERROR = 3 * 2**-8
"""Bound on how far a bfloat16 product of unit rows is off: half of its spacing at 1, for each factor and the result."""
HALVES_FROM = 10_000
"""With fewer items float32 alone is as fast."""
BAND = 2048
"""Items within the bound that are looked at one by one; with more, all are multiplied in float64 at once."""
UNDECIDED = -1
"""The rank of a pair that only float64 tells."""
GLANCE = 4096
"""Columns that are counted first: most positives are ruled out there."""
ScoredRows: TypeAlias = tuple[torch.Tensor, np.ndarray, np.ndarray]
"""(b, n) scores of some users, -inf at their train items; (q,) which pairs are theirs, and the row of each."""


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return (n, d) float64 rows of length 1; a zero row stays zero."""
    wide = vectors.astype(np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))[:, None]
    return np.divide(wide, norms, out=wide, where=norms > 0)


class CosineRanks:
    """Finds ranks by cos(mean of the user's L2-normalized train vectors, item).

    A product in bfloat16 or float32 is off by less than a known bound, so an item that beats a positive by more than
    it beats it in truth; a positive that k items beat so is done with. For the others, the few items within the
    bound are multiplied again in float64, which gives the rank. So ranks do not depend on the processor, on threads
    or on blocks.
    """

    def __init__(
        self, vectors: np.ndarray, train: UserItems, k: int, *, memory: int, device: str = "cpu", halves: bool
    ) -> None:
        """Take over the items.

        Args:
            vectors: (n, d); an item without a vector is a zero row.
            train: the users' train items.
            k: ranks from here on are not told apart.
            memory: bytes that a block of scores may take.
            device: where to multiply.
            halves: multiply in bfloat16, where there are items enough for it to pay.
        """
        units = unit_rows(vectors)
        self.units, self.known = units, np.asarray(units.any(1))
        self.train, self.k, self.memory = train, k, memory
        self.history = train_matrix(train)
        self.unknown = torch.from_numpy(np.flatnonzero(~self.known)).to(device)
        half = halves and len(units) >= HALVES_FROM
        wide = torch.from_numpy(units)
        self.rough = wide.to(device, torch.bfloat16 if half else torch.float32)
        self.margin = (units.shape[1] + 32) * 2**-24 + (HALF_ERROR if half else 0)
        self.exact = wide.to(device)
        self.buffers: dict[torch.dtype, torch.Tensor] = {}
        self.gathered = np.empty((min(BAND, len(units)), units.shape[1]))

    @property
    def block(self) -> int:
        """Users whose scores in the first arithmetic fit the memory."""
        return self._rows(self.rough)

    def _rows(self, table: torch.Tensor) -> int:
        return max(1, self.memory // (len(self.units) * table.element_size()))

    def __call__(self, users: np.ndarray, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the ranks of (p,) items for the users in (p,) rows of (b,) users; k stands for k and beyond."""
        profiles = unit_rows(self.history[users] @ self.units)
        own = np.where(self.known[items], _dots(profiles, self.units, rows, items), ABSENT)
        ranks = np.full(len(rows), self.k)
        for scores, pairs, of_pairs in self._scored(self.rough, users, profiles, rows):
            above = count_above(scores, of_pairs, own[pairs] + self.margin, self.k)
            for at in np.flatnonzero(above < self.k).tolist():
                pair = pairs[at]
                row = scores[of_pairs[at]].float().cpu().numpy()
                ranks[pair] = self._settle(row, profiles[rows[pair]], float(own[pair]), int(items[pair]))
        left = np.flatnonzero(ranks == UNDECIDED)
        for scores, pairs, of_pairs in self._scored(self.exact, users, profiles, rows[left]):
            ranks[left[pairs]] = exact_ranks(scores, of_pairs, items[left[pairs]])
        return ranks

    def _settle(self, scores: np.ndarray, profile: np.ndarray, own: float, item: int) -> int:
        """Return an item's rank by (n,) rough scores and, within their bound, products in float64."""
        low, high = np.float32(own - self.margin), np.float32(own + self.margin)
        above = np.count_nonzero(scores > high)
        if above >= self.k:
            return self.k
        band = np.flatnonzero((scores >= low) & (scores <= high))
        if len(band) > len(self.gathered):
            return UNDECIDED
        rows = np.take(self.units, band, axis=0, out=self.gathered[: len(band)], mode="clip")
        ahead = np.where(self.known[band], rows @ profile, ABSENT) - own
        return int(above + np.count_nonzero((ahead > TIE) | ((ahead >= -TIE) & (band < item))))

    def _scored(
        self, table: torch.Tensor, users: np.ndarray, profiles: np.ndarray, rows: np.ndarray
    ) -> Iterator[ScoredRows]:
        """Yield the scores of the users that stand in (p,) rows, a block that fits the memory at a time."""
        needed, place = np.unique(rows, return_inverse=True)
        size = self._rows(table)
        for start in range(0, len(needed), size):
            part = needed[start : start + size]
            queries = torch.from_numpy(profiles[part]).to(table.device, table.dtype)
            scores = self._product(queries, table)
            if len(self.unknown):
                scores[:, self.unknown] = ABSENT
            seen_rows, seen = self.train.pairs_of(users[part])
            index = torch.from_numpy(seen_rows), torch.from_numpy(seen.astype(np.int64))
            scores[index[0].to(scores.device), index[1].to(scores.device)] = -torch.inf
            pairs = np.flatnonzero((place >= start) & (place < start + size))
            yield scores, pairs, place[pairs] - start

    def _product(self, queries: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Multiply into the arithmetic's one buffer: fresh memory for every block costs half a product more."""
        shape = len(queries), len(self.units)
        buffer = self.buffers.get(table.dtype)
        if buffer is None or len(buffer) < shape[0]:
            buffer = self.buffers[table.dtype] = table.new_empty(shape)
        return torch.mm(queries, table.T, out=buffer[: shape[0]])


def _dots(profiles: np.ndarray, units: np.ndarray, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Return the (p,) products of profile rows with item rows, in pieces."""
    products = np.empty(len(rows))
    for start in range(0, len(rows), GLANCE):
        piece = slice(start, start + GLANCE)
        products[piece] = np.einsum("pd,pd->p", profiles[rows[piece]], units[items[piece]])
    return products


def count_above(scores: torch.Tensor, rows: np.ndarray, bounds: np.ndarray, enough: int) -> np.ndarray:
    """Return of each (p,) pair how many items of its row score above its bound; `enough` or more is `enough`.

    In bfloat16 what is counted are the items above both 0 and the bound rounded up: never too many.
    """
    if scores.device.type != "cpu":
        return _count_on_device(scores, rows, bounds, enough)
    if scores.dtype == torch.bfloat16:
        rounded = torch.from_numpy(np.maximum(bounds, 0) * (1 + 2**-7)).bfloat16()
        table, limits = scores.view(torch.int16).numpy(), rounded.view(torch.int16).tolist()
    else:
        table, limits = scores.numpy(), bounds.tolist()
    counts = np.empty(len(bounds), np.int64)
    for pair, (row, limit) in enumerate(zip(rows.tolist(), limits, strict=True)):
        values = table[row]
        count = np.count_nonzero(values[:GLANCE] > limit)
        if count < enough:
            count += np.count_nonzero(values[GLANCE:] > limit)
        counts[pair] = count
    return np.minimum(counts, enough)


def _count_on_device(scores: torch.Tensor, rows: np.ndarray, bounds: np.ndarray, enough: int) -> np.ndarray:
    limits = torch.from_numpy(bounds * (1 + np.sign(bounds) * 2**-7)).to(scores.device, torch.float32)
    places = torch.from_numpy(rows).to(scores.device)
    step = max(1, len(scores) // 4)
    counts = [
        (scores[places[start : start + step]] > limits[start : start + step, None]).sum(1)
        for start in range(0, len(places), step)
    ]
    return torch.cat([*counts, places[:0]]).clamp(max=enough).cpu().numpy()


def exact_ranks(scores: torch.Tensor, rows: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Return the rank of each (p,) item in its row of float64 scores: those above, and the equal ones before it."""
    table = scores.cpu().numpy()
    ranks = np.empty(len(items), np.int64)
    for pair, (row, item) in enumerate(zip(rows.tolist(), items.tolist(), strict=True)):
        values = table[row]
        own = float(values[item])
        before = np.count_nonzero(values[:item] >= own - TIE)
        ranks[pair] = before + np.count_nonzero(values[item + 1 :] > own + TIE)
    return ranks
