"""What is predicted from the model's states; needed for training alone, stored so that it can go on."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from featurizer.ica.codebook import assign
from featurizer.ica.model import IcaModel


def head(width: int, out: int) -> nn.Sequential:
    """Build a normalized linear read-out."""
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, out))


class Decoder(nn.Module):
    """Guesses a hidden token from the CLS state and the token's position alone.

    Losses on tokens give the last CLS state no gradient, for nothing reads it; this shallow decoder does, as in
    Condenser and RetroMAE.
    """

    def __init__(self, width: int, patches: int, tokens: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))
        self.position_image = nn.Parameter(0.02 * torch.randn(patches, width))
        self.position_text = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.mix = nn.Sequential(nn.GELU(), nn.Linear(width, width))

    def forward(
        self, cls: torch.Tensor, rows: torch.Tensor, places: torch.Tensor, positions: torch.Tensor
    ) -> torch.Tensor:
        """Return (m, width) states.

        Args:
            cls: (b, width).
            rows: (m,) int64, the item of each hidden token.
            places: (m,) int64, where each stands in its item.
            positions: (p, width) or (t, width), the embeddings of those places.
        """
        # both repeat rows: indexing's gradient would add to them in an order that threads decide
        items = functional.embedding(rows, self.project(cls))
        out: torch.Tensor = self.mix(items + functional.embedding(places, positions))
        return out


class Heads(nn.Module):
    """The read-outs of mask-then-predict.

    Attributes:
        used_ids: (V,) int64, the token ids that the train texts use; the classes of a masked word piece.
        codebook: (K, d) float32, the visual tokens; the classes of a masked patch.
    """

    used_ids: torch.Tensor
    codebook: torch.Tensor

    def __init__(self, model: IcaModel, *, words: int, codes: int) -> None:
        super().__init__()
        width, shapes = model.form.width, model.shapes
        self.register_buffer("used_ids", torch.zeros(words, dtype=torch.int64))
        self.register_buffer("codebook", torch.zeros(codes, shapes.image_dim))
        self.word = head(width, words)
        self.code = head(width, codes)
        self.patch = head(width, shapes.image_dim)
        self.decoder = Decoder(width, shapes.patches, shapes.tokens)
        self.pooled_image = head(width, shapes.pooled_image_dim)
        self.pooled_text = head(width, shapes.pooled_text_dim)

    def word_classes(self, ids: torch.Tensor) -> torch.Tensor:
        """Return each id's place in `used_ids`, -1 where the train texts do not use it."""
        place = torch.searchsorted(self.used_ids, ids).clamp(max=len(self.used_ids) - 1)
        return torch.where(self.used_ids[place] == ids, place, -1)

    def patch_classes(self, patches: torch.Tensor) -> torch.Tensor:
        """Return the code of each of (m, d) standardized patches."""
        return assign(patches, self.codebook)[0]
