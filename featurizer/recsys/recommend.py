"""A user's list from a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import torch

from featurizer.errors import UnknownName
from featurizer.features.schema import arrow_to_vectors
from featurizer.ranking.rank import top_items
from featurizer.recsys.vectors import COLUMN, HISTORY, read_table, read_vectors


@dataclass(frozen=True, slots=True)
class Recommended:
    """One place of a list."""

    item_id: str
    score: float


def recommend(model: Path, user: str, k: int) -> list[Recommended]:
    """Return a user's k best items, best first, without what they trained on.

    Raises:
        InputError: the folder holds no trained model.
        UnknownName: no such user; the nearest known ids are named.
    """
    users = read_table(model / "users.parquet", ["user_id", COLUMN, HISTORY])
    rows = users.filter(pc.equal(users.column("user_id"), user))
    if not rows.num_rows:
        raise UnknownName("user", user, users.column("user_id").to_pylist()[:5000])
    item_ids, items = read_vectors(model / "items.parquet", "item_id")
    scores = items @ arrow_to_vectors(rows.column(COLUMN))[0][0]
    seen = set(rows.column(HISTORY)[0].as_py())
    scores[np.fromiter((item in seen for item in item_ids), bool, len(item_ids))] = -np.inf
    shown = top_items(torch.from_numpy(scores)[None], k)[0].tolist()
    return [Recommended(item_ids[item], float(scores[item])) for item in shown if item >= 0]
