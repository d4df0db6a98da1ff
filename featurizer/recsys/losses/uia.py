"""User-item alignment."""

from __future__ import annotations

import torch
from torch.nn import functional


def uia_loss(users: torch.Tensor, positives: torch.Tensor) -> torch.Tensor:
    """Return mean(1 − cos(h_u, h_i⁺)) over (b, d) rows: a user's vector points where their items' do."""
    return 1 - functional.cosine_similarity(users, positives, dim=1).mean()
