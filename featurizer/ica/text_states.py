"""The frozen text encoder, run again under every mask: a hidden word leaves no trace in its neighbors."""

from __future__ import annotations

import torch

from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.ica.batch import Batch
from featurizer.ica.masking import Masks
from featurizer.ica.model import TextStates


def encode_text(encoder: TextTokenEncoder, items: Batch, masks: Masks | None) -> TextStates:
    """Return the states of b texts with the masked ids replaced by the mask token.

    A text that is absent or hidden is zeros, and costs nothing.

    Args:
        encoder: on any device.
        items: b items; the states are on their device.
        masks: None hides nothing.
    """
    shown = items.has_text if masks is None else items.has_text & ~masks.hide_text
    ids = items.ids
    if masks is not None:
        assert encoder.spec.mask_id is not None
        ids = ids.masked_fill(masks.text, encoder.spec.mask_id)
    device = items.ids.device
    batch, longest = ids.shape
    if not shown.any():
        dims = (encoder.spec.dim, encoder.spec.pooled.dim)
        return TextStates(
            torch.zeros(batch, longest, dims[0], device=device), torch.zeros(batch, dims[1], device=device)
        )
    with torch.no_grad():
        found = encoder.encode(ids[shown], items.is_token[shown])
    # an encoder may compute in inference mode, whose tensors no backward pass may keep: copies may be kept
    tokens = torch.zeros(batch, longest, found.states.shape[-1], device=device)
    pooled = torch.zeros(batch, found.pooled.shape[-1], device=device)
    tokens[shown] = found.states.to(device).float().masked_fill(~items.is_token[shown][:, :, None], 0)
    pooled[shown] = found.pooled.to(device).float()
    return TextStates(tokens, pooled)
