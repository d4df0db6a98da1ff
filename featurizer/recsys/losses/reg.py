"""Regularization of the content's vectors by the similarities of the features they come from."""

from __future__ import annotations

import torch


def reg_loss(content: torch.Tensor, units: torch.Tensor, counts: torch.Tensor | None = None) -> torch.Tensor:
    """Return ‖H Hᵀ − F Fᵀ‖_F / b, with raw dot products and the norm not squared.

    ‖H Hᵀ − F Fᵀ‖² = ‖Hᵀ H‖² − 2 ‖Fᵀ H‖² + ‖Fᵀ F‖², whose matrices are (d, d), (f, d) and (f, f), or (b, b) for
    the last where b < f. No gradient flows into the features.

    Args:
        content: (b, d) H, the content's vectors of the batch's items.
        units: (b, f) F, their features' unit rows, so that F Fᵀ are cosines; zero rows where there is none.
        counts: (b,) how often each row stands in the batch; None is once. The value is that of the batch with
            its repetitions, without the work that repeats.
    """
    target, size = units.detach(), float(len(content))
    if counts is not None:
        # a pair (i, j) stands c_i · c_j times in the sum: each row takes the root of its count
        roots, size = counts.to(content.dtype).sqrt()[:, None], float(counts.sum())
        content, target = content * roots, target * roots
    square = _square(content.T @ content) - 2 * _square(target.T @ content) + _gram_square(target)
    # the difference of squares may round below zero where the two Gram matrices agree
    return square.clamp(min=1e-12).sqrt().to(content.dtype) / max(size, 1.0)


def _square(matrix: torch.Tensor) -> torch.Tensor:
    return matrix.square().sum(dtype=torch.float64)


def _gram_square(units: torch.Tensor, parts: int = 3) -> torch.Tensor:
    """Return ‖Fᵀ F‖² = ‖F Fᵀ‖², the smaller, from its blocks on and above the diagonal: a third is saved."""
    columns = (units if units.shape[1] <= len(units) else units.T).chunk(parts, dim=1)
    total = units.new_zeros((), dtype=torch.float64)
    for i, left in enumerate(columns):
        for j, right in enumerate(columns[i:]):
            total += _square(left.T @ right) * (2 if j else 1)
    return total
