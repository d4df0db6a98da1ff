"""The multiway transformer: one self-attention for all tokens, one feed-forward expert a modality.

The blocks of BEiT3 (pre-norm, LayerNorm, GELU): in the lower ones pictures and words pass through experts of
their own, in the top ones through one vision-language expert. The CLS token goes with the picture's, as there.
The last linear map of each branch starts at zero, so an untrained block passes its input on.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from featurizer.ica.options import Architecture


class Attention(nn.Module):
    """Multi-head self-attention over every token of an item."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)

    def forward(self, states: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """Attend.

        Args:
            states: (b, t, d).
            visible: (b, 1, 1, t) bool, the tokens that may be attended to.
        """
        batch, tokens, width = states.shape
        parts = self.inward(self.norm(states)).view(batch, tokens, 3, self.heads, width // self.heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=visible)
        out: torch.Tensor = self.outward(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return out


def expert(width: int, expansion: int) -> nn.Sequential:
    """Build one feed-forward expert; its last map starts at zero."""
    last = nn.Linear(width * expansion, width)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width * expansion), nn.GELU(), last)


class Block(nn.Module):
    """Attention, then experts: one a modality, or one for all when `fused`."""

    def __init__(self, form: Architecture, *, fused: bool) -> None:
        super().__init__()
        self.attention = Attention(form.width, form.heads)
        names = ("both",) if fused else ("image", "text")
        self.experts = nn.ModuleDict({name: expert(form.width, form.expansion) for name in names})

    def forward(self, states: torch.Tensor, visible: torch.Tensor, pictures: int) -> torch.Tensor:
        """Return the block's output.

        Args:
            states: (b, t, d); the first `pictures` tokens are the CLS and the picture's.
            visible: (b, 1, 1, t) bool.
            pictures: 1 + patches.
        """
        states = states + self.attention(states, visible)
        if "both" in self.experts:
            out: torch.Tensor = states + self.experts["both"](states)
            return out
        image, text = states[:, :pictures], states[:, pictures:]
        return torch.cat([image + self.experts["image"](image), text + self.experts["text"](text)], dim=1)


class Transformer(nn.Module):
    """`form.layers` blocks, the top `form.fused_layers` fused."""

    def __init__(self, form: Architecture) -> None:
        super().__init__()
        lower = form.layers - form.fused_layers
        self.blocks = nn.ModuleList(Block(form, fused=layer >= lower) for layer in range(form.layers))

    def forward(
        self, states: torch.Tensor, visible: torch.Tensor, pictures: int, *, recompute: bool = False
    ) -> torch.Tensor:
        """Return the last states (b, t, d).

        Args:
            states: (b, t, d).
            visible: (b, t) bool.
            pictures: 1 + patches.
            recompute: trade time for memory in the backward pass.
        """
        mask = visible[:, None, None, :]
        for block in self.blocks:
            if recompute and torch.is_grad_enabled():
                states = checkpoint(block, states, mask, pictures, use_reentrant=False)
            else:
                states = block(states, mask, pictures)
        return states
