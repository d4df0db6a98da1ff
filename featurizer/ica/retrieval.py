"""Does a masked view find its own item? What chooses the epoch: the vectors' use, not the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from featurizer.ica.batch import Batch
from featurizer.ica.fills import K, found, nearness
from featurizer.ica.masking import Masks
from featurizer.ica.model import States, TextStates
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.ranking.nearest import nearest

BATCH = 64
USES = ("retrieval_image", "retrieval_text", "nearness_image", "nearness_text", "overlap")
"""What `self_retrieval` measures."""


def states_of(job: TrainingSetup, items: Batch, masks: Masks | None = None) -> States:
    """Return the model's states of items, on its device."""
    found: States = job.model(items, encode_text(job.encoder, items, masks), masks)
    return found


def teacher(job: TrainingSetup, items: Batch) -> torch.Tensor:
    """Return the joins (b, e + f) of the whole items: what a masked view is to predict."""
    return job.model.joined(items, TextStates(items.pooled_text, items.pooled_text)).detach()


def joins_of(job: TrainingSetup, rows: Sequence[int]) -> torch.Tensor:
    """Return the joins (m, e + f) of whole items, on the model's device, a batch read at a time."""
    none = torch.zeros(0, sum(job.model.start.dims), device=job.device)
    parts = (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
    return torch.cat([none, *(teacher(job, job.source.read(part).to(job.device)) for part in parts)])


@torch.no_grad()
def views(
    job: TrainingSetup, rows: Sequence[int]
) -> tuple[torch.Tensor, dict[str, torch.Tensor], np.ndarray]:
    """Complete the items that have both modalities from each one alone.

    Returns:
        The m items' joins (m, e + f); by the modality that was hidden, what is completed (m, e + f); and the
        unified vectors (m, dim) of the whole items.
    """
    job.model.eval()
    joins: list[torch.Tensor] = []
    completed: dict[str, list[torch.Tensor]] = {"image": [], "text": []}
    unified: list[torch.Tensor] = []
    for start in range(0, len(rows), BATCH):
        items = job.source.read(rows[start : start + BATCH])
        items = items.rows(items.has_image & items.has_text).to(job.device)
        if not len(items.ids):
            continue
        joins.append(teacher(job, items))
        unified.append(job.model.feature(states_of(job, items)))
        for hidden, guesses in completed.items():
            alone = items.without(image=hidden == "image", text=hidden == "text")
            guesses.append(job.model.completed(states_of(job, alone)))
    if not joins:
        nothing = torch.zeros(0, sum(job.model.start.dims))
        return (
            nothing,
            dict.fromkeys(completed, nothing),
            np.zeros((0, job.model.dim), np.float32),
        )
    return (
        torch.cat(joins).cpu(),
        {hidden: torch.cat(guesses).cpu() for hidden, guesses in completed.items()},
        torch.cat(unified).float().cpu().numpy(),
    )


def self_retrieval(job: TrainingSetup, rows: Sequence[int]) -> dict[str, float]:
    """Measure how well what is hidden is found, and whether items that lack nothing keep their neighbors.

    Returns:
        Of the items of `rows` with both modalities, each part predicted from the other one, among all of their true
        parts: `retrieval_image` and `retrieval_text`, the share whose own is among the 10 nearest; `nearness_image`
        and `nearness_text`, the mean of 1 / (1 + its rank). And `overlap`: how many of a whole item's 10 nearest at
        the start are its nearest by the unified vector too.
    """
    joins, completed, unified = views(job, rows)
    dims = job.model.start.dims
    measured = {}
    for at, (hidden, guesses) in enumerate(completed.items()):
        guess, true = guesses.split(dims, dim=1)[at], joins.split(dims, dim=1)[at]
        measured[f"retrieval_{hidden}"] = found(guess, true)
        measured[f"nearness_{hidden}"] = nearness(guess, true)
    return {**measured, "overlap": overlap(unified, joins.numpy())}


@torch.no_grad()
def residual_shares(job: TrainingSetup, rows: Sequence[int]) -> dict[str, float]:
    """Return the mean share of the length of the unified vector that is the residual's, by what is missing.

    Of the items of `rows` with both modalities: without the `image`, without the `text`, and with `nothing` missing.
    """
    lengths: dict[str, list[torch.Tensor]] = {"image": [], "text": [], "nothing": []}
    for start in range(0, len(rows), BATCH):
        items = job.source.read(rows[start : start + BATCH])
        items = items.rows(items.has_image & items.has_text).to(job.device)
        for missing, shares in lengths.items() if len(items.ids) else ():
            states = states_of(job, items.without(image=missing == "image", text=missing == "text"))
            unified = job.model.feature(states)
            shares.append((unified - states.start).norm(dim=1) / unified.norm(dim=1))
    return {missing: float(torch.cat(shares).mean()) for missing, shares in lengths.items() if shares}


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of each item's 10 nearest in `one` (n, d) that are its nearest in `other` (n, e) too."""
    found = [nearest(vectors, K).items for vectors in (one, other)]
    both = [np.intersect1d(mine, theirs[theirs >= 0]).size for mine, theirs in zip(*found, strict=True)]
    known = sum(int((mine >= 0).sum()) for mine in found[1])
    return float(np.sum(both) / known) if known else 1.0
