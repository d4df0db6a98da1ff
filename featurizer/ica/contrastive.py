"""Two terms that go beyond mask-then-predict, off unless asked for: image-text contrast, and co-purchase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp
import torch

from featurizer.ica.batch import Batch
from featurizer.ica.objective import contrast
from featurizer.ica.text_states import encode_text

if TYPE_CHECKING:
    from featurizer.ica.setup import TrainingSetup

PARTNERS = 20


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


@dataclass(frozen=True)
class ContrastiveTerms:
    """The optional terms; both compare CLS states of items with nothing masked.

    Negatives are the other items of the same part of the batch, so their number depends on batch size,
    accumulation and processes.

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

    def loss(
        self, job: TrainingSetup, rows: Sequence[int], items: Batch, rng: np.random.Generator
    ) -> torch.Tensor:
        """Return the weighted sum of both terms' means over the part (rows, items); 0 where no item has a pair."""
        total = items.image.new_zeros(())
        paired = items.has_image & items.has_text
        if self.contrastive and int(paired.sum()) > 1:
            both = items.rows(paired)
            one, other = (cls(job, both.without(text=True)), cls(job, both.without(image=True)))
            total = total + self.contrastive * contrast(one, other, self.temperature)
        places = [place for place, row in enumerate(rows) if row in self.partners]
        if self.copurchase and len(places) > 1:
            chosen = [int(rng.choice(self.partners[rows[place]])) for place in places]
            partner = job.source.read(chosen).to(job.device)
            one, other = cls(job, items.rows(torch.tensor(places))), cls(job, partner)
            total = total + self.copurchase * contrast(one, other, self.temperature)
        return total


def cls(job: TrainingSetup, items: Batch) -> torch.Tensor:
    """Return the CLS states (b, d) of items with nothing masked."""
    states: torch.Tensor = job.model(items, encode_text(job.encoder, items, None)).cls
    return states
