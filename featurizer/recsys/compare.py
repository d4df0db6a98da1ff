"""Trained models side by side on the same users: intervals, and whether each differs from the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from featurizer.errors import InputError
from featurizer.interactions.indexed import index_interactions
from featurizer.interactions.store import read_split
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.bootstrap import Interval, holm, mean_interval, paired_t_test
from featurizer.ranking.metrics import METRICS, RANGE
from featurizer.ranking.rank import Score, dot_products, rank, vectors_from
from featurizer.recsys.vectors import Rows, read_vectors, refuse_unfinished
from featurizer.results.names import ITEMS, USERS


@dataclass(frozen=True, slots=True)
class Compared:
    """One row: a model, or several whose scores are added.

    Attributes:
        name: what it is called.
        value: the mean over users with its interval.
        difference: of this row and the first, user by user; None for the first.
        p_value: of the paired t-test against the first, adjusted for all rows (Holm); None for the first.
    """

    name: str
    value: Interval
    difference: Interval | None = None
    p_value: float | None = None


def compare(
    models: Mapping[str, Sequence[Path]],
    interactions: Path,
    *,
    metric: str = "recall",
    k: int = 20,
    split: str = "test",
    seed: int = 0,
    item_map: Path | None = None,
) -> list[Compared]:
    """Rank for every user with each model's vectors and compare all with the first.

    Several folders under one name are a late fusion: their scores are added.

    Args:
        models: folders that `featurizer train` wrote, by the row's name.
        interactions: what they were trained on.
        metric: of `ranking.metrics`, such as `recall` or `ndcg`.
        k: length of the list.
        split: whose positives are ranked for.
        seed: of the resamples.
        item_map: asin ↔ itemID, where the interactions number their items.

    Raises:
        InputError: a training is not finished, the models are not of the same users and items, the interactions
            know others, or the split has nobody to rank for.
    """
    for folder in {folder for folders in models.values() for folder in folders}:
        refuse_unfinished(folder)
    frame = read_split(interactions, item_map=item_map)
    ids = _ids(next(iter(models.values()))[0])
    train, positives = (_pairs(frame, name, ids) for name in ("train", split))
    values = [_per_user(folders, ids, (train, positives), metric, k) for folders in models.values()]
    first, rest = values[0], values[1:]
    rows = [Compared(next(iter(models)), mean_interval(first, bounds=RANGE, seed=seed))]
    if not rest:
        return rows
    differences = [value - first for value in rest]
    adjusted = holm(paired_t_test(np.stack(differences, axis=1)))
    for name, value, difference, p in zip(
        list(models)[1:], rest, differences, adjusted.tolist(), strict=True
    ):
        rows.append(
            Compared(
                name,
                mean_interval(value, bounds=RANGE, seed=seed),
                mean_interval(difference, seed=seed),
                p,
            )
        )
    return rows


def _ids(folder: Path) -> tuple[list[str], list[str]]:
    return (
        read_vectors(folder / USERS, "user_id")[0],
        read_vectors(folder / ITEMS, "item_id")[0],
    )


def _pairs(frame: pl.DataFrame, split: str, ids: tuple[list[str], list[str]]) -> UserItems:
    rows = frame.filter(pl.col("split") == split)
    for kind, known in zip(("user", "item"), ids, strict=True):
        strange = set(rows[f"{kind}_id"]) - set(known)
        if strange:
            raise InputError(
                f"{len(strange)} {kind}s of the {split} rows are not the models', such as {min(strange)}; expected the "
                "interactions they were trained on"
            )
    return index_interactions(rows, ids[1], ids[0]).splits[split]


def _per_user(
    folders: Sequence[Path],
    ids: tuple[list[str], list[str]],
    pairs: tuple[UserItems, UserItems],
    metric: str,
    k: int,
) -> np.ndarray:
    """Return the (u,) metric of every ranked user."""
    shown = rank(_added([_score(folder, ids) for folder in folders]), *pairs, k)
    return np.asarray(METRICS[metric](shown.hits, shown.positives, k))


def _score(folder: Path, ids: tuple[list[str], list[str]]) -> Score:
    users, items = (
        vectors_from(_ordered(folder / f"{name}s.parquet", f"{name}_id", wanted))
        for name, wanted in zip(("user", "item"), ids, strict=True)
    )
    return dot_products(users, items)


def _added(scores: Sequence[Score]) -> Score:
    return lambda users: sum((score(users) for score in scores[1:]), scores[0](users))


def _ordered(path: Path, id_name: str, wanted: list[str]) -> Rows:
    """Read (n, d) vectors in the order of the first model's ids."""
    found, vectors = read_vectors(path, id_name)
    if found == wanted:
        return vectors
    place = {name: row for row, name in enumerate(found)}
    lacking = [name for name in wanted if name not in place]
    if lacking or len(found) != len(wanted):
        raise InputError(
            f"{path} holds {len(found)} ids, the first model's {len(wanted)}; expected the same ones"
            + (f" ({lacking[0]} is missing)" if lacking else "")
            + ". Train both on the same catalog and interactions"
        )
    return vectors[[place[name] for name in wanted]]
