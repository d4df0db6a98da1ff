"""A look inside a feature set: what each space holds, what failed, which items are near which."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from featurizer.catalog.label_in_text import share_in_text
from featurizer.catalog.store import Catalog
from featurizer.errors import InputError
from featurizer.features.feature_set import FeatureSet
from featurizer.features.lookup import read_rows, rows_of
from featurizer.features.schema import arrow_to_vectors
from featurizer.ranking.streamed import nearest_in_blocks
from featurizer.records import Json
from featurizer.results.names import FEATURE_SET


@dataclass(frozen=True, slots=True)
class SpaceSummary:
    """One space in numbers: rows that are null, zero, hold NaN or infinity, equal an earlier row; norms of the rest."""

    modality: str
    dim: int
    dtype: str
    null: int
    zero: int
    nonfinite: int
    duplicate: int
    norm_min: float | None
    norm_mean: float | None
    norm_max: float | None


@dataclass(frozen=True, slots=True)
class Neighbor:
    """One item near another."""

    item_id: str
    cosine: float


def summarize(feature_set: FeatureSet) -> dict[str, SpaceSummary]:
    """Summarize every space, one shard in memory at a time."""
    return {space: _summarize(feature_set, space) for space in feature_set.spaces}


def _summarize(feature_set: FeatureSet, space: str) -> SpaceSummary:
    spec = feature_set.spaces[space]
    null = zero = nonfinite = 0
    digests, norms = bytearray(), bytearray()  # 24 bytes an item, without a copy of them
    for table in feature_set.tables([space]):
        vectors, present = arrow_to_vectors(table.column(space))
        null += int((~present).sum())
        rows = vectors[present]
        finite = np.isfinite(rows).all(axis=1)
        nonfinite += int((~finite).sum())
        lengths = np.linalg.norm(rows[finite].astype(np.float64), axis=1)
        zero += int((lengths == 0).sum())
        norms += lengths.tobytes()
        for row in rows:
            digests += hashlib.blake2b(row, digest_size=16).digest()
    every = np.frombuffer(norms)
    stats = (
        [float(every.min()), float(every.mean()), float(every.max())] if len(every) else [None, None, None]
    )
    ordered = np.frombuffer(digests, "S16")
    ordered.sort()
    duplicate = int((ordered[1:] == ordered[:-1]).sum())
    return SpaceSummary(
        spec.modality,
        spec.dim,
        spec.dtype,
        null,
        zero,
        nonfinite,
        duplicate,
        *stats,
    )


def neighbors_of(
    feature_set: FeatureSet, item_id: str, *, k: int = 10, spaces: Sequence[str] | None = None
) -> dict[str, list[Neighbor]]:
    """Return an item's nearest others by cosine in each space that has a vector for it, best first.

    Args:
        feature_set: the set.
        item_id: whose.
        k: how many.
        spaces: only of these; None for all.

    Raises:
        InputError: no such item.
    """
    return neighbors_of_items(feature_set, [item_id], k=k, spaces=spaces)[item_id]


def neighbors_of_items(
    feature_set: FeatureSet, items: Sequence[str], *, k: int = 10, spaces: Sequence[str] | None = None
) -> dict[str, dict[str, list[Neighbor]]]:
    """Return of each item what `neighbors_of` does; the set is read once, and one shard is in memory at a time.

    Raises:
        InputError: one is no item of the set.
    """
    if not items:
        return {}
    rows = rows_of(feature_set, items)
    if (rows < 0).any():
        raise InputError(
            f"{feature_set.folder} has no item '{items[int(np.argmin(rows))]}'; expected one of its "
            f"{feature_set.rows} ids, such as {_first_id(feature_set)}"
        )
    found: dict[str, dict[str, list[Neighbor]]] = {item: {} for item in items}
    for space in feature_set.spaces if spaces is None else spaces:
        queries, _ = arrow_to_vectors(read_rows(feature_set, [space], rows).column(space))
        blocks = (arrow_to_vectors(table.column(space))[0] for table in feature_set.tables([space]))
        near = nearest_in_blocks(blocks, k, queries=queries, rows=rows)
        for item, neighbors, cosines in zip(items, near.items, near.cosines, strict=True):
            there = neighbors >= 0
            if there.any():
                ids = read_rows(feature_set, ["item_id"], neighbors[there]).column("item_id").to_pylist()
                found[item][space] = [
                    Neighbor(*pair) for pair in zip(ids, cosines[there].tolist(), strict=True)
                ]
    return found


def _first_id(feature_set: FeatureSet) -> str:
    return str(feature_set.shard(0, ["item_id"]).column("item_id")[0])


@dataclass(frozen=True, slots=True)
class LabelAccuracy:
    """How often an item's nearest neighbor has its label.

    Attributes:
        items: that have a vector and a label.
        labels: different ones among them.
        majority: share of the commonest, what guessing it always reaches.
        accuracy: leave-one-out 1-NN by cosine; an all-zero vector is never right.
        in_text: share of them whose text holds the label; None for a space that reads no text.
    """

    items: int
    labels: int
    majority: float
    accuracy: float
    in_text: float | None = None


def label_accuracies(feature_set: FeatureSet, catalog: Catalog, label: str) -> dict[str, LabelAccuracy]:
    """Return each space's leave-one-out 1-NN accuracy on a catalog column, over items with vector and label.

    Raises:
        InputError: the catalog lacks the column or holds other items.
    """
    known, values, texts = (catalog.column(name).to_pylist() for name in ("item_id", label, "text"))
    by_id, text_of = (dict(zip(known, column, strict=True)) for column in (values, texts))
    ids = feature_set.item_ids()
    unknown = [item for item in ids if item not in by_id]
    if unknown:
        raise InputError(
            f"{len(unknown)} items of {feature_set.folder} are not in {catalog.folder} (such as {unknown[0]}); "
            "give the catalog that the features were made from"
        )
    labeled = np.array([by_id[item] not in (None, []) for item in ids], dtype=bool)
    accuracies: dict[str, LabelAccuracy] = {}
    for space in feature_set.spaces:
        vectors, present = feature_set.vectors(space)
        rows = np.flatnonzero(present & labeled)
        if len(rows) > 1:
            labels = [str(by_id[ids[row]]) for row in rows]
            counts = Counter(labels)
            accuracies[space] = LabelAccuracy(
                len(rows),
                len(counts),
                max(counts.values()) / len(rows),
                label_accuracy(vectors[rows], labels),
                share_in_text([by_id[ids[row]] for row in rows], [text_of[ids[row]] for row in rows])
                if feature_set.spaces[space].modality != "image"
                else None,
            )
    return accuracies


def label_accuracy(vectors: np.ndarray, labels: Sequence[str]) -> float:
    """Return the share of (n, d) rows whose nearest other row by cosine has the same label (leave-one-out 1-NN)."""
    from featurizer.ranking.nearest import nearest  # imports torch, which a look inside does without

    names, near = np.asarray(labels), nearest(vectors, 1).items[:, 0]
    return float(((near >= 0) & (names[near] == names)).mean())


def provenance(feature_set: FeatureSet) -> dict[str, Json]:
    """Return everything the manifest says but the shard list."""
    return {
        name: value
        for name, value in feature_set.manifest.document().items()
        if name not in ("shards", "config")
    }


def is_feature_set(folder: Path) -> bool:
    """Say whether a folder is a feature set rather than a catalog."""
    return (folder / FEATURE_SET).exists()
