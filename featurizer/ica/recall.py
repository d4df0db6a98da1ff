"""Zero-shot recall of a catalog in which much is missing: what chooses the epoch where interactions are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from featurizer.errors import InputError
from featurizer.ica.batch import TokenSource
from featurizer.ica.retrieval import BATCH, states_of
from featurizer.ica.setup import TrainingSetup
from featurizer.interactions.store import read_split
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.cosine import CosineRanks
from featurizer.ranking.metrics import METRICS
from featurizer.ranking.ranks import find_ranks

K = 20
MEMORY = 1 << 28


@dataclass(frozen=True, slots=True)
class Shoppers:
    """Who has what, by row of the catalog, and which modality each item does without when it is measured.

    Attributes:
        train: the users' train items.
        valid: what they are to be shown.
        missing: (n,) int64, 0 without its picture, 1 without its text, 2 as it is; a third each.
    """

    train: UserItems
    valid: UserItems
    missing: np.ndarray


def read_shoppers(path: Path, source: TokenSource, seed: int) -> Shoppers:
    """Read the train and validation interactions of a catalog's items.

    Raises:
        InputError: nobody has both with these items.
    """
    ids = source.item_ids(range(source.rows))
    items = pl.DataFrame({"item_id": ids, "item": np.arange(len(ids))})
    rows = read_split(path).join(items, on="item_id").filter(pl.col("split").is_in(["train", "valid"]))
    rows = rows.with_columns(user=pl.col("user_id").rank("dense") - 1)
    users = rows["user"].n_unique()
    train, valid = (
        UserItems.from_pairs(
            part["user"].to_numpy(), part["item"].to_numpy(), n_users=users, n_items=len(ids)
        )
        for part in (rows.filter(pl.col("split") == split) for split in ("train", "valid"))
    )
    if not ((train.counts > 0) & (valid.counts > 0)).any():
        raise InputError(
            f"{path} gives no user of these {len(ids)} items both train and validation interactions; expected some, to "
            "choose the epoch by. Split them (featurizer ingest --split), or leave --interactions out"
        )
    missing = np.random.default_rng([seed, 8]).permutation(len(ids)) % 3
    return Shoppers(train, valid, missing)


@torch.no_grad()
def masked_recall(job: TrainingSetup, shoppers: Shoppers) -> float:
    """Return the mean zero-shot Recall@20 of the validation split, a third of the items without picture or text each.

    A user's score of an item is the cosine with the mean of their train items' vectors, all centered.
    """
    job.model.eval()
    parts = []
    for start in range(0, job.source.rows, BATCH):
        rows = range(start, min(start + BATCH, job.source.rows))
        items = job.source.read(rows).to(job.device)
        missing = torch.from_numpy(shoppers.missing[start : rows.stop]).to(job.device)
        # an item that has one modality only keeps it
        both = items.has_image & items.has_text
        vectors = torch.zeros(len(rows), job.model.dim, device=job.device)
        for side in range(3):
            chosen = torch.where(both, missing, 2) == side
            if chosen.any():
                alone = items.rows(chosen).without(image=side == 0, text=side == 1)
                vectors[chosen] = job.model.feature(states_of(job, alone))
        parts.append(vectors * (items.has_image | items.has_text)[:, None])
    found = torch.cat(parts).float().cpu().numpy()
    there = found.any(1)
    found[there] -= found[there].mean(0)
    finder = CosineRanks(found, shoppers.train, K, memory=MEMORY, halves=False)
    (ranks,) = find_ranks(finder, shoppers.train, [shoppers.valid], K, block=finder.block)
    return float(METRICS["recall"](ranks.hits, ranks.positives, K).mean())
