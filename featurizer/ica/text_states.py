"""The frozen text encoder, run again under every mask: a hidden word leaves no trace in its neighbors.

A text that is shown whole was encoded once, for the cache, and is not encoded again.
"""

from __future__ import annotations

import torch

from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.ica.batch import Batch
from featurizer.ica.masking import Masks
from featurizer.ica.model import TextStates


def encode_text(encoder: TextTokenEncoder, items: Batch, masks: Masks | None) -> TextStates:
    """Return the states of b texts with the masked ids replaced by the mask token.

    A text that is absent or hidden is zeros; only those with a masked word run through the encoder.

    Args:
        encoder: on any device.
        items: b items; the states are on their device.
        masks: None hides nothing.
    """
    if masks is None:
        return whole_text(items, items.has_text)
    changed = items.has_text & masks.text.any(dim=1)
    text = whole_text(items, items.has_text & ~masks.hide_text & ~changed)
    if not changed.any():
        return text
    assert encoder.spec.mask_id is not None
    ids = items.ids.masked_fill(masks.text, encoder.spec.mask_id)
    places = items.is_token[changed]
    with torch.no_grad():
        found = encoder.encode(ids[changed], places)
    device = ids.device
    text.tokens[changed] = found.states.to(device).float().masked_fill(~places[:, :, None], 0)
    text.pooled[changed] = found.pooled.to(device).float()
    return text


def whole_text(items: Batch, shown: torch.Tensor) -> TextStates:
    """Return the states of the texts of `shown` (b,) bool as they are without a mask, zeros elsewhere."""
    return TextStates(items.text * shown[:, None, None], items.pooled_text * shown[:, None])
