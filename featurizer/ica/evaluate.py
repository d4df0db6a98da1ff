"""Does information flow between the modalities? Masked tokens of held-out items, guessed with and without the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from featurizer.ica.batch import Batch, Outline, TokenSource
from featurizer.ica.heads import Heads
from featurizer.ica.masking import Masks, draw_masks
from featurizer.ica.model import IcaModel
from featurizer.ica.objective import Prediction, hidden_of, predict
from featurizer.ica.options import Masking
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.ranking.bootstrap import Interval, mean_interval
from featurizer.ranking.metrics import RANGE
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
        gain: present − absent, item by item, with its interval.
        majority: share of the most frequent class among these very tokens, which guessing always one class cannot
            exceed.
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


def masked_accuracy(job: TrainingSetup, rows: Sequence[int]) -> list[MaskedAccuracy]:
    """Measure both sides on the items of `rows` that have both modalities.

    A side without a class that can be guessed is left out. With `image_target` `feature` a patch is guessed right
    when the code nearest to the predicted vector is its own.
    """
    job.model.eval()
    found = []
    for side in SIDES:
        hits = [_hits(job, rows[start : start + BATCH], side) for start in range(0, len(rows), BATCH)]
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
                mean_interval(present, bounds=RANGE),
                mean_interval(absent, bounds=RANGE),
                mean_interval(present - absent),
                float(np.bincount(classes).max() / len(classes)),
            )
        )
    return found


@torch.no_grad()
def _hits(job: TrainingSetup, rows: Sequence[int], side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each paired item's share of right guesses with the other modality and without, and the classes."""
    model, source, options = job.model, job.source, job.options
    items = source.read(rows)
    key = [options.training.seed, 5, *rows[:1]]
    masks = one_sided(items, source, options.masking, side, key).to(job.device)
    items = items.to(job.device)
    paired = items.has_image & items.has_text
    there, masks = items.rows(paired), masks.rows(paired)
    alone = there.without(image=side == "text", text=side == "image")
    hidden = hidden_of(there.words, masks, source.image_spec.prefix)
    shares, classes = [], np.zeros(0, np.int64)
    for shown in (there, alone):
        states = model(shown, encode_text(job.encoder, shown, masks), masks)
        guesses = predict(model, job.heads, there, states, hidden, options.objective.image_target)
        guess = guesses[SIDES[side]]
        right, true = _right(model, job.heads, there, hidden.patch, guess)
        known = true >= 0
        at = guess.rows[known]
        count = torch.zeros(len(there.ids), device=job.device).index_add_(0, at, known[known].float())
        sums = torch.zeros_like(count).index_add_(0, at, right[known].float())
        # 0 / 0 is nan: such an item does not count
        shares.append((sums / count).cpu().numpy().astype(np.float64))
        classes = true[known].cpu().numpy()
    return shares[0], shares[1], classes


def _right(
    model: IcaModel, heads: Heads, items: Batch, patch: torch.Tensor, guess: Prediction
) -> tuple[torch.Tensor, torch.Tensor]:
    if not guess.true.is_floating_point():
        return guess.found.argmax(dim=1) == guess.true, guess.true
    true = heads.patch_classes(model.standard_image(items.image[patch]))
    codes = torch.nn.functional.normalize(heads.codebook, dim=1)
    return (guess.found @ codes.T).argmax(dim=1) == true, true


def one_sided(items: Batch, source: TokenSource, masking: Masking, side: str, key: Sequence[int]) -> Masks:
    """Mask the texts of all items and no picture, or the pictures and no text."""
    rng = np.random.default_rng(key)
    only_text = Outline(torch.zeros_like(items.has_image), items.words, items.length)
    only_image = Outline(items.has_image, items.words, torch.zeros_like(items.length))
    everything = masking.replaced(unpaired_text_ratio=masking.text_ratio, hide_share=0.0)
    return draw_masks(only_text if side == "text" else only_image, source.image_spec, everything, rng)
