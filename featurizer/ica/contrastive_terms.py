"""What the optional contrastive terms compare, and how much each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp

PARTNERS = 20


@dataclass(frozen=True, slots=True)
class ContrastiveTerms:
    """The optional terms; both compare CLS states of items with nothing masked.

    Attributes:
        contrastive: weight of InfoNCE between the CLS of the picture alone and of the text alone.
        copurchase: weight of InfoNCE between an item and one that the same users bought.
        temperature: of both.
        partners: by row, as `partners_of` returns them.
    """

    contrastive: float
    copurchase: float
    temperature: float
    partners: Mapping[int, np.ndarray]


def partners_of(interactions: pl.DataFrame, item_ids: Sequence[str]) -> dict[int, np.ndarray]:
    """Return each item's up to `PARTNERS` items most often bought by the same users, by row.

    Args:
        interactions: `user_id`, `item_id`, `split`; only train rows count, so that held-out purchases stay unseen.
        item_ids: those that may be partners, in row order; others are left out.
    """
    row_of = {item: row for row, item in enumerate(item_ids)}
    train = interactions.filter((pl.col("split") == "train") & pl.col("item_id").is_in(list(row_of)))
    users = train["user_id"].rank("dense").to_numpy().astype(np.int64) - 1
    items = np.array([row_of[item] for item in train["item_id"]], dtype=np.int64)
    shape = (int(users.max(initial=-1)) + 1, len(item_ids))
    bought = sp.csr_array((np.ones(len(items), np.float32), (users, items)), shape=shape)
    together = (bought.T @ bought).tocsr()
    found: dict[int, np.ndarray] = {}
    for row in range(len(item_ids)):
        span = slice(together.indptr[row], together.indptr[row + 1])
        others, counts = together.indices[span], together.data[span]
        others, counts = others[others != row], counts[others != row]
        if len(others):
            found[row] = others[np.argsort(-counts, kind="stable")[:PARTNERS]]
    return found
