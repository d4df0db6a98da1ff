"""Where half precision pays."""

from __future__ import annotations

import torch


def halves_pay(device: torch.device | str) -> bool:
    """Whether bfloat16 products are faster than float32 ones there: on CUDA, and where the CPU has them."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported()
    return kind == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
