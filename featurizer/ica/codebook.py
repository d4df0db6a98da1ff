"""The discrete visual tokens: k-means over the frozen vision tokens of a sample of items."""

from __future__ import annotations

import torch

BLOCK = 16_384
"""Tokens that are compared with the codes at a time."""


def fit_codebook(tokens: torch.Tensor, codes: int, *, iterations: int = 10, seed: int = 0) -> torch.Tensor:
    """Cluster tokens by Lloyd's algorithm from k-means++-like spread starts.

    Args:
        tokens: (m, d) float32, already standardized.
        codes: K, the clusters; fewer when there are fewer different tokens.
        iterations: of Lloyd's algorithm. A code that no token chooses moves to the token farthest from its own.
        seed: of the starts.

    Returns:
        (K, d) float32 centers.
    """
    generator = torch.Generator().manual_seed(seed)
    distinct = torch.unique(tokens, dim=0)
    if len(distinct) <= codes:
        return distinct
    centers = distinct[torch.randperm(len(distinct), generator=generator)[:codes]].clone()
    for _ in range(iterations):
        nearest, distance = assign(tokens, centers)
        total = torch.zeros_like(centers).index_add_(0, nearest, tokens)
        count = torch.bincount(nearest, minlength=codes)
        used = count > 0
        centers[used] = total[used] / count[used, None]
        empty = (~used).nonzero().flatten()
        if len(empty):
            centers[empty] = tokens[distance.topk(len(empty)).indices]
    return centers


def assign(tokens: torch.Tensor, centers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each token's nearest code (m,) int64 and its squared distance (m,); the lower code wins a tie.

    In float32 under autocast too: products in bfloat16 would choose other codes.
    """
    with torch.autocast(tokens.device.type, enabled=False):
        return _assign(tokens.float(), centers.float())


def _assign(tokens: torch.Tensor, centers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    norms = centers.square().sum(dim=1)
    nearest, distance = [], []
    for block in tokens.split(BLOCK):
        gaps = norms - 2 * block @ centers.T
        least = gaps.min(dim=1)
        nearest.append(least.indices)
        distance.append((least.values + block.square().sum(dim=1)).clamp(min=0))
    return torch.cat(nearest), torch.cat(distance)
