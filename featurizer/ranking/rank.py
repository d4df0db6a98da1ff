"""Rank every item for every user, in blocks: never a users × items matrix in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from scipy import sparse

from featurizer.errors import InputError
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.ranks import ranked_users

Score: TypeAlias = Callable[[np.ndarray], torch.Tensor]
"""(b,) user indices to (b, n) float scores, higher is better; the tensor may be overwritten."""

Vectors: TypeAlias = torch.Tensor | sparse.csr_array
"""(r, d) float32 rows, dense or sparse; sparse ones are on the CPU."""

BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Ranking:
    """What the ranked users were shown and which of it they wanted.

    Attributes:
        users: (u,) indices of the users that have positives and train items.
        items: (u, K) int32 best first; -1 where a user has fewer candidates than K.
        hits: (u, K) bool, whether the item is one of the user's positives.
        positives: (u,) how many positives a user has.
    """

    users: np.ndarray
    items: np.ndarray
    hits: np.ndarray
    positives: np.ndarray

    def shows(self, rows: np.ndarray, items: np.ndarray, k: int) -> np.ndarray:
        """Say of (p,) items whether each is among the first k of the user in its (p,) row."""
        return np.asarray((self.items[rows, :k] == items[:, None]).any(1))


def vectors_from(rows: np.ndarray | sparse.csr_array, device: str = "cpu") -> Vectors:
    """Return (r, d) rows as what is ranked with: dense ones a tensor on the device, sparse ones as they are."""
    return torch.from_numpy(rows).to(device) if isinstance(rows, np.ndarray) else rows


def dot_products(users: Vectors, items: Vectors) -> Score:
    """Score by the dot product of (u, d) users and (n, d) items, where one side is sparse without making it dense."""
    if isinstance(users, torch.Tensor) and isinstance(items, torch.Tensor):
        return _dense_products(users, items)
    return _sparse_products(users, items)


def _sparse_products(users: Vectors, items: Vectors) -> Score:
    rows, others = (side.cpu().numpy() if isinstance(side, torch.Tensor) else side for side in (users, items))
    columns = np.ascontiguousarray(others.T) if isinstance(others, np.ndarray) else others.T.tocsr()

    def score(block: np.ndarray) -> torch.Tensor:
        product = rows[block] @ columns
        return torch.from_numpy(product.toarray() if sparse.issparse(product) else product)

    return score


def _dense_products(users: torch.Tensor, items: torch.Tensor) -> Score:
    """One buffer serves every block."""
    buffer = torch.empty(0)

    def score(block: np.ndarray) -> torch.Tensor:
        nonlocal buffer
        if len(buffer) < len(block):
            buffer = users.new_empty(len(block), len(items))
        rows = users[torch.from_numpy(block).to(users.device)]
        return torch.mm(rows, items.T, out=buffer[: len(block)])

    return score


def top_items(scores: torch.Tensor, k: int) -> torch.Tensor:
    """Return the (b, k) best columns of (b, n) scores, best first, equal scores in the order of the items.

    Columns that score -inf are no candidates; where they would be shown stands -1.

    Raises:
        InputError: a score is NaN.
    """
    values, items = scores.topk(min(k + 1, scores.shape[1]))
    if torch.isnan(values).any():
        raise InputError("a score is NaN, expected finite numbers; check the vectors that are ranked with")
    tied = ((values[:, 1:] == values[:, :-1]) & (values[:, 1:] > -torch.inf)).any(1)
    if tied.any():
        values[tied], items[tied] = _stable(scores[tied], values.shape[1])
    return items.masked_fill(values == -torch.inf, -1)[:, :k]


def _stable(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    ordered = scores.sort(dim=1, descending=True, stable=True)
    return ordered.values[:, :k], ordered.indices[:, :k]


def rank(score: Score, train: UserItems, positives: UserItems, k: int, *, block: int = BLOCK) -> Ranking:
    """Rank all items but their train items for the users that have train items and positives.

    Only train items are masked: with test positives, valid items stay candidates.

    Args:
        score: scores all items for a block of users.
        train: what users trained on.
        positives: what they should be shown.
        k: the longest list that a metric will ask for.
        block: users at once; a block holds `block · n` scores.

    Raises:
        InputError: no user has both train items and positives.
    """
    users = ranked_users(train, positives)
    k = min(k, train.n_items)
    items = np.full((len(users), k), -1, np.int32)
    for start in range(0, len(users), block):
        part = users[start : start + block]
        scores = score(part)
        rows, seen = train.pairs_of(part)
        index = torch.from_numpy(rows), torch.from_numpy(seen.astype(np.int64))
        scores[index[0].to(scores.device), index[1].to(scores.device)] = -torch.inf
        items[start : start + block] = top_items(scores, k).cpu().numpy()
    hits = positives.contains(users[:, None], items)
    return Ranking(users, items, hits, positives.counts[users])
