"""Content-id alignment: InfoNCE from the content's vectors to the ids'."""

from __future__ import annotations

import torch
from torch.nn import functional

ROWS = 256


def cca_loss(
    content: torch.Tensor,
    ids: torch.Tensor,
    temperature: float,
    counts: torch.Tensor | None = None,
    *,
    groups: int = 1,
) -> torch.Tensor:
    """Return the InfoNCE loss of content → id with in-batch negatives, in one direction.

    −mean_i log( exp(cos(m_i, e_i)/τ) / Σ_j exp(cos(m_i, e_j)/τ) ), AlignRec's CCA for one side (items or
    users).

    Args:
        content: (b, d) m.
        ids: (b, d) e.
        temperature: τ, at least 0.02: nothing is subtracted before exp, which float32 then still holds.
        counts: (b,) how often each row stands in the batch; None is once. The value is that of the batch with
            its repetitions, without the work that repeats.
        groups: how many nearly equal runs of rows are contrasted apart; the mean is over all rows.
    """
    if counts is None:
        counts = torch.ones(len(content), dtype=content.dtype, device=content.device)
    units = functional.normalize(content, dim=1), functional.normalize(ids, dim=1)
    loss: torch.Tensor = _InfoNce.apply(*units, counts.to(content.dtype), 1 / temperature, groups)
    return loss


class _InfoNce(torch.autograd.Function):
    """InfoNCE of unit rows; both gradients are made beside the value, block by block in the cache.

    The (b, b) similarities are never whole in memory. |cos/τ| ≤ 1/τ, so no maximum need be subtracted.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        content: torch.Tensor,
        ids: torch.Tensor,
        counts: torch.Tensor,
        scale: float,
        groups: int,
    ) -> torch.Tensor:
        share = counts / counts.sum().clamp(min=1)
        # Σ_j c_j exp(s_ij): the counts enter with the vectors that the odds are multiplied by
        weighted = torch.cat([ids, torch.ones_like(counts)[:, None]], dim=1) * counts[:, None]
        total = -scale * (share * (content * ids).sum(1)).sum(dtype=torch.float64)
        to_content, to_ids = torch.empty_like(content), torch.zeros_like(ids)
        split = (each.tensor_split(groups) for each in (content, ids, share, weighted, to_content, to_ids))
        for group in zip(*split, strict=True):
            total += _log_sums(scale, *group)
        to_content.sub_(ids).mul_(scale * share[:, None])
        to_ids.mul_(counts[:, None]).sub_(content * share[:, None], alpha=scale)
        ctx.save_for_backward(to_content, to_ids)
        return total.to(content.dtype)

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, gradient: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, None, None, None]:
        to_content, to_ids = ctx.saved_tensors  # type: ignore[attr-defined]
        return to_content * gradient, to_ids * gradient, None, None, None


def _log_sums(
    scale: float,
    content: torch.Tensor,
    ids: torch.Tensor,
    share: torch.Tensor,
    weighted: torch.Tensor,
    to_content: torch.Tensor,
    to_ids: torch.Tensor,
) -> torch.Tensor:
    """Return Σ_i share_i log Σ_j c_j exp(s_ij) of one group; write its gradients' parts to the last two tensors."""
    total = share.new_zeros((), dtype=torch.float64)
    for start in range(0, len(content), ROWS):
        part = slice(start, start + ROWS)
        rows = content[part] * scale
        odds = torch.mm(rows, ids.T).exp_()
        means = odds @ weighted
        sums = means[:, -1:]
        total += (share[part] * sums[:, 0].log()).sum(dtype=torch.float64)
        torch.div(means[:, :-1], sums, out=to_content[part])
        to_ids.addmm_(odds.T, rows * (share[part, None] / sums))
    return total
