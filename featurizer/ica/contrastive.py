"""Two terms that go beyond mask-then-predict, off unless asked for: image-text contrast, and co-purchase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from featurizer.ica.batch import Batch
from featurizer.ica.contrastive_terms import ContrastiveTerms
from featurizer.ica.model import States
from featurizer.ica.objective import contrast
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import whole_text


def contrastive_loss(
    job: TrainingSetup, terms: ContrastiveTerms, rows: Sequence[int], items: Batch, rng: np.random.Generator
) -> torch.Tensor:
    """Return the weighted sum of both terms' means over the part (rows, items); 0 where no item has a pair.

    Negatives are the other items of the same part of the batch, so their number depends on batch size,
    accumulation and processes.
    """
    total = items.image.new_zeros(())
    paired = items.has_image & items.has_text
    if terms.contrastive and int(paired.sum()) > 1:
        both = items.rows(paired)
        one, other = (cls(job, both.without(text=True)), cls(job, both.without(image=True)))
        total = total + terms.contrastive * contrast(one, other, terms.temperature)
    places = [place for place, row in enumerate(rows) if row in terms.partners]
    if terms.copurchase and len(places) > 1:
        chosen = [int(rng.choice(terms.partners[rows[place]])) for place in places]
        partner = job.source.read(chosen).to(job.device)
        one, other = cls(job, items.rows(torch.tensor(places))), cls(job, partner)
        total = total + terms.copurchase * contrast(one, other, terms.temperature)
    return total


def cls(job: TrainingSetup, items: Batch) -> torch.Tensor:
    """Return what both terms compare of items with nothing masked: their unified vectors (b, d), or CLS states."""
    states: States = job.model(items, whole_text(items, items.has_text))
    return states.cls if job.model.residual is None else job.model.feature(states)
