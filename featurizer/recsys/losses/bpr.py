"""Bayesian personalized ranking."""

from __future__ import annotations

import torch
from torch.nn import functional


def bpr_loss(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return −mean log sigmoid(u·i⁺ − u·i⁻) over (b, d) rows (Rendle et al., 2009)."""
    return functional.softplus(-(users * (positives - negatives)).sum(1)).mean()
