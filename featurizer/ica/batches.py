"""Which items are learned from, and what is hidden of each batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from featurizer.errors import InputError
from featurizer.ica.batch import Batch
from featurizer.ica.masking import Masks, draw_masks
from featurizer.ica.objective import hidden_of
from featurizer.ica.setup import TrainingSetup
from featurizer.training.distributed import DistributedContext


@dataclass(frozen=True, slots=True)
class StepBatch:
    """A batch, or this process's share of one, with what is hidden of it.

    Attributes:
        rows: of the share.
        items: likewise.
        masks: likewise.
        counts: predictions of each part of the loss, in the whole batch.
        size: items of the whole batch.
    """

    rows: list[int]
    items: Batch
    masks: Masks
    counts: dict[str, int]
    size: int


def split_rows(rows: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Split items at random into (train, valid) rows; at least one of each.

    Raises:
        InputError: there are fewer than two.
    """
    if rows < 2:
        raise InputError(f"{rows} items; expected at least 2, one to learn from and one to hold out")
    order = np.random.default_rng([seed, 0]).permutation(rows)
    held = min(max(1, round(share * rows)), rows - 1)
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())


def read_step(
    job: TrainingSetup, rows: Sequence[int], key: Sequence[int], world: DistributedContext
) -> StepBatch:
    """Read a batch and hide what `key`, the seed of its masks, says; every process gets its own share.

    A picture that the outline promised and that could not be decoded after all is not masked, nor is its
    item's text hidden whole: zeros are nobody's picture. So with a text whose states are not finite.
    """
    options, spec = job.options, job.source.image_spec
    outline = job.source.outline(rows)
    masks = draw_masks(outline, spec, options.masking, np.random.default_rng(key))
    counts = hidden_of(outline.words, masks, spec.prefix).counts()
    share = world.share(len(rows))
    mine_rows = list(rows)[share]
    items = job.source.read(mine_rows)
    mine, lost = masks.rows(share), outline.has_image[share] & ~items.has_image
    lost_text = (outline.length[share] > 0) & ~items.has_text
    mine = Masks(
        mine.image & ~lost[:, None],
        mine.text[:, : items.ids.shape[1]] & ~lost_text[:, None],
        mine.hide_image & ~lost & ~lost_text,
        mine.hide_text & ~lost & ~lost_text,
    )
    return StepBatch(mine_rows, items.to(job.device), mine.to(job.device), counts, len(rows))


def save_broken(part: StepBatch, step: int, path: Path) -> None:
    """Write a batch whose loss is not a number, for whoever looks into it with `torch.load`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{name}.{slot.name}": getattr(value, slot.name).cpu()
        for name, value in (("items", part.items), ("masks", part.masks))
        for slot in fields(value)
    }
    torch.save({"step": step, "rows": part.rows, **tensors}, path)
