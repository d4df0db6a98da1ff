"""Content-id alignment: InfoNCE from the content's vectors to the ids'."""

from __future__ import annotations

import torch
from torch.nn import functional

ROWS = 256


def cca_loss(content: torch.Tensor, ids: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the InfoNCE loss of content → id with in-batch negatives, in one direction.

    −mean_i log( exp(cos(m_i, e_i)/τ) / Σ_j exp(cos(m_i, e_j)/τ) ) over (b, d) rows, AlignRec's CCA for one
    side (items or users).
    """
    units = functional.normalize(content, dim=1), functional.normalize(ids, dim=1)
    loss: torch.Tensor = _InfoNce.apply(*units, 1 / temperature)
    return loss


class _InfoNce(torch.autograd.Function):
    """InfoNCE of unit rows; both gradients are made beside the value, block by block in the cache.

    The (b, b) similarities are never whole in memory. |cos/τ| ≤ 1/τ, so no maximum need be subtracted.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, content: torch.Tensor, ids: torch.Tensor, scale: float
    ) -> torch.Tensor:
        total = content.new_zeros((), dtype=torch.float64)
        to_content, to_ids = torch.empty_like(content), torch.zeros_like(ids)
        for start in range(0, len(content), ROWS):
            rows = content[start : start + ROWS] * scale
            odds = torch.mm(rows, ids.T).exp_()
            sums = odds.sum(1, keepdim=True)
            total += sums.log().sum(dtype=torch.float64)
            torch.mm(odds, ids, out=to_content[start : start + ROWS])
            to_content[start : start + ROWS] /= sums
            to_ids.addmm_(odds.T, rows / sums)
        total -= scale * (content * ids).sum(dtype=torch.float64)
        share = 1 / max(len(content), 1)
        to_content.sub_(ids).mul_(scale * share)
        to_ids.sub_(content, alpha=scale).mul_(share)
        ctx.save_for_backward(to_content, to_ids)
        return (total * share).to(content.dtype)

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, gradient: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        to_content, to_ids = ctx.saved_tensors  # type: ignore[attr-defined]
        return to_content * gradient, to_ids * gradient, None
