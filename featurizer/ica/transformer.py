"""The multiway transformer: one self-attention for all tokens, one feed-forward expert a modality.

The blocks of BEiT3 (pre-norm, LayerNorm, GELU): in the lower ones pictures and words pass through experts of
their own, in the top ones through one vision-language expert. The CLS token goes with the picture's, as there.
The last linear map of each branch starts at zero, so an untrained block passes its input on. Tokens that nobody may
attend to (padding, what an item lacks, what is hidden) are left out of all products but those of the attention itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from featurizer.ica.options import Architecture


@dataclass(frozen=True, slots=True)
class Packing:
    """Where the n visible ones of (b, t) tokens stand when they are put end to end: pictures' first, then words'.

    Attributes:
        mask: (b, 1, 1, t) bool, the tokens that all of an item may attend to; or (b, 1, t, t), each.
        places: (n,) int64, of each one its place among the b · t.
        pictures: how many of the n are CLS and pictures' tokens.
    """

    mask: torch.Tensor
    places: torch.Tensor
    pictures: int

    @classmethod
    def of(cls, visible: torch.Tensor, pictures: int) -> Packing:
        """Return that of (b, t) bool, of which the first `pictures` of each row are the CLS and the picture's."""
        places = torch.arange(visible.numel(), device=visible.device).view(visible.shape)
        parts = [
            places[:, columns][visible[:, columns]] for columns in (slice(pictures), slice(pictures, None))
        ]
        return cls(visible[:, None, None, :], torch.cat(parts), len(parts[0]))

    def packed(self, states: torch.Tensor) -> torch.Tensor:
        """Return the (n, d) visible ones of (b, t, d) states."""
        return states.flatten(0, 1).index_select(0, self.places)

    def unpacked(self, states: torch.Tensor) -> torch.Tensor:
        """Return (b, t, d) states, zeros where nothing is visible, of the (n, d) visible ones."""
        batch, tokens = self.mask.shape[0], self.mask.shape[3]
        everywhere = states.new_zeros(batch * tokens, states.shape[1])
        return everywhere.index_copy(0, self.places, states).view(batch, tokens, -1)


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

    def forward(self, states: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Let each of (n, d) tokens attend to those of its item."""
        parts = packing.unpacked(self.inward(self.norm(states)))
        queries, keys, values = parts.unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=packing.mask)
        out: torch.Tensor = self.outward(packing.packed(mixed.transpose(1, 2).flatten(2)))
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

    def forward(self, states: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Return the block's output (n, d), of (n, d) states."""
        states = states + self.attention(states, packing)
        if "both" in self.experts:
            out: torch.Tensor = states + self.experts["both"](states)
            return out
        image, text = states[: packing.pictures], states[packing.pictures :]
        return torch.cat([image + self.experts["image"](image), text + self.experts["text"](text)])


class Transformer(nn.Module):
    """`form.layers` blocks, the top `form.fused_layers` fused."""

    def __init__(self, form: Architecture) -> None:
        super().__init__()
        lower = form.layers - form.fused_layers
        self.blocks = nn.ModuleList(Block(form, fused=layer >= lower) for layer in range(form.layers))

    def forward(
        self, states: torch.Tensor, visible: torch.Tensor, pictures: int, *, recompute: bool = False
    ) -> torch.Tensor:
        """Return the last states (b, t, d), zeros where nothing is visible.

        Args:
            states: (b, t, d); the first `pictures` tokens are the CLS and the picture's.
            visible: (b, t) bool.
            pictures: 1 + patches.
            recompute: trade time for memory in the backward pass.
        """
        packing = Packing.of(visible, pictures)
        states = packing.packed(states)
        for block in self.blocks:
            if recompute and torch.is_grad_enabled():
                states = checkpoint(block, states, packing, use_reentrant=False)
            else:
                states = block(states, packing)
        return packing.unpacked(states)
