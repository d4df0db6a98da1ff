"""Weight decay on the vectors that a batch touches."""

from __future__ import annotations

import torch


def l2_loss(*vectors: torch.Tensor, batch_size: int) -> torch.Tensor:
    """Return ½ Σ |v|² / batch_size over all rows of all (b, d) arguments.

    `batch_size` is the nominal one, also for a shorter last batch, as in the authors' code.
    """
    return torch.stack([rows.square().sum() for rows in vectors]).sum() / (2 * batch_size)
