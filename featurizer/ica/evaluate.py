"""Does information flow between the modalities? Masked tokens of held-out items, guessed with and without the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from featurizer.encoders.tokens import TextTokenEncoder
from featurizer.ica.heads import Heads
from featurizer.ica.items import Items, Outline, TokenSource
from featurizer.ica.masking import Masks, draw_masks
from featurizer.ica.model import IcaModel
from featurizer.ica.objective import Prediction, hidden_of, predict
from featurizer.ica.options import IcaOptions, Masking
from featurizer.ica.text import encode_text
from featurizer.ranking.bootstrap import Interval, mean_interval
from featurizer.records import Json

BATCH = 64
SIDES = {"text": "word", "image": "patch"}


@dataclass(frozen=True, slots=True)
class MaskedAccuracy:
    """Accuracy of masked-token prediction over items (each item's tokens averaged first).

    Attributes:
        side: `text` or `image`, what is masked.
        items: held-out items with both modalities that count.
        present: with the other modality there.
        absent: without it: the unimodal baseline.
        gain: present − absent, item by item, with its bootstrap interval.
        majority: always guessing the most frequent class.
    """

    side: str
    items: int
    present: Interval
    absent: Interval
    gain: Interval
    majority: float

    def record(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {
            "side": self.side,
            "items": self.items,
            "majority": self.majority,
            **{
                f"{name}{end}": getattr(getattr(self, name), value)
                for name in ("present", "absent", "gain")
                for end, value in (("", "mean"), ("_low", "low"), ("_high", "high"))
            },
        }


def masked_accuracy(
    model: IcaModel,
    heads: Heads,
    source: TokenSource,
    encoder: TextTokenEncoder,
    rows: Sequence[int],
    options: IcaOptions,
    device: str = "cpu",
) -> list[MaskedAccuracy]:
    """Measure both sides on items that have both modalities; a side without a class that can be guessed is left out.

    With `image_target` `feature` a patch is guessed right when the code nearest to the predicted vector is its own.
    """
    model.eval()
    found = []
    for side in SIDES:
        hits = [
            _hits(model, heads, source, encoder, rows[start : start + BATCH], options, side, device)
            for start in range(0, len(rows), BATCH)
        ]
        present, absent = (np.concatenate([hit[at] for hit in hits]) for at in (0, 1))
        classes = np.concatenate([hit[2] for hit in hits])
        counted = ~np.isnan(present)
        if not counted.any():
            continue
        present, absent = present[counted], absent[counted]
        found.append(
            MaskedAccuracy(
                side,
                len(present),
                mean_interval(present),
                mean_interval(absent),
                mean_interval(present - absent),
                float(np.bincount(classes).max() / len(classes)),
            )
        )
    return found


@torch.no_grad()
def _hits(
    model: IcaModel,
    heads: Heads,
    source: TokenSource,
    encoder: TextTokenEncoder,
    rows: Sequence[int],
    options: IcaOptions,
    side: str,
    device: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    items = source.read(rows)
    masks = one_sided(items, source, options.masking, side, [options.training.seed, 5, *rows[:1]]).to(device)
    items = items.to(device)
    there = items.rows(items.has_image & items.has_text)
    masks = masks.rows(items.has_image & items.has_text)
    alone = there.without(image=side == "text", text=side == "image")
    shares, classes = [], np.zeros(0, np.int64)
    for shown in (there, alone):
        states = model(shown, encode_text(encoder, shown, masks), masks)
        hidden = hidden_of(there.words, masks, source.image_spec.prefix)
        guess = predict(model, heads, there, states, hidden, options.objective.image_target)[SIDES[side]]
        right, true = _right(model, heads, there, hidden.patch, guess)
        known = true >= 0
        count = torch.zeros(len(there.ids), device=device).index_add_(
            0, guess.rows[known], known[known].float()
        )
        sums = torch.zeros_like(count).index_add_(0, guess.rows[known], right[known].float())
        shares.append(
            (sums / count).cpu().numpy().astype(np.float64)
        )  # 0 / 0 is nan: such an item does not count
        classes = true[known].cpu().numpy()
    return shares[0], shares[1], classes


def _right(
    model: IcaModel, heads: Heads, items: Items, patch: torch.Tensor, guess: Prediction
) -> tuple[torch.Tensor, torch.Tensor]:
    if not guess.true.is_floating_point():
        return guess.found.argmax(dim=1) == guess.true, guess.true
    true = heads.patch_classes(model.standard_image(items.image[patch]))
    codes = torch.nn.functional.normalize(heads.codebook, dim=1)
    return (guess.found @ codes.T).argmax(dim=1) == true, true


def one_sided(items: Items, source: TokenSource, masking: Masking, side: str, key: Sequence[int]) -> Masks:
    """Mask the texts of all items and no picture, or the pictures and no text."""
    rng = np.random.default_rng(key)
    only_text = Outline(torch.zeros_like(items.has_image), items.words, items.length)
    only_image = Outline(items.has_image, items.words, torch.zeros_like(items.length))
    everything = Masking(
        masking.image_ratio, masking.text_ratio, unpaired_text_ratio=masking.text_ratio, hide_share=0.0
    )
    return draw_masks(only_text if side == "text" else only_image, source.image_spec, everything, rng)
