"""The part of the loss that all models here share: a triple's order, and how long its vectors are."""

from __future__ import annotations

import torch

from featurizer.recsys.losses.bpr import bpr_loss
from featurizer.recsys.losses.l2 import l2_loss
from featurizer.recsys.losses.uia import uia_loss


def pairwise_losses(
    users: torch.Tensor,
    positives: torch.Tensor,
    negatives: torch.Tensor,
    *,
    l2: float,
    batch_size: int,
    uia: float = 0.0,
) -> dict[str, torch.Tensor]:
    """Return bpr, l2 and, where its weight is not 0, uia: the weighted losses of (b, d) rows."""
    parts = {
        "bpr": bpr_loss(users, positives, negatives),
        "l2": l2 * l2_loss(users, positives, negatives, batch_size=batch_size),
    }
    if uia:
        parts["uia"] = uia * uia_loss(users, positives)
    return parts
