"""A user's list from a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from featurizer.errors import InputError, UnknownName
from featurizer.ranking.rank import dot_products, top_items, vectors_from
from featurizer.recsys.vectors import COLUMN, HISTORY, read_table, read_vectors, refuse_unfinished, vectors_of
from featurizer.results.names import ITEMS, USERS

COMPARED = 5000
"""So many known users an unknown one is compared with; all of them would take seconds."""


@dataclass(frozen=True, slots=True)
class Recommended:
    """One place of a list."""

    item_id: str
    score: float


def recommend(model: Path, user: str, k: int) -> list[Recommended]:
    """Return a user's k best items, best first, without what they trained on.

    Raises:
        InputError: the folder holds no finished model, or the user has no train items.
        UnknownName: no such user; the nearest of some known ids are named.
    """
    refuse_unfinished(model)
    users = read_table(model / USERS, ["user_id", COLUMN, HISTORY])
    rows = users.filter(pc.equal(users.column("user_id"), user))
    if not rows.num_rows:
        raise UnknownName("user", user, users.column("user_id").slice(0, COMPARED).to_pylist())
    seen = set(rows.column(HISTORY)[0].as_py())
    if not seen:
        raise InputError(
            f"user '{user}' has no train items, so the model learned nothing of them; expected a user who has some"
        )
    item_ids, items = read_vectors(model / ITEMS, "item_id")
    scores = dot_products(vectors_from(vectors_of(rows)), vectors_from(items))(np.zeros(1, np.int64))
    scores[0, [place for place, item in enumerate(item_ids) if item in seen]] = -np.inf
    shown = top_items(scores, k)[0].tolist()
    return [Recommended(item_ids[item], float(scores[0, item])) for item in shown if item >= 0]
