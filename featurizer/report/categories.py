"""What the map is coloured by: the level of the category tree that ten colours tell most about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.ranking.nearest import Neighbours
from featurizer.report.palette import SERIES

OTHER, NONE = "other", "no category"


@dataclass(frozen=True, slots=True)
class Categories:
    """The colouring.

    Attributes:
        names: the commonest first; then `other` and `no category`, where there are such items.
        counts: items of each.
        of_item: (n,) uint8, places in `names`.
        labels: n, the full name at the level, None where the item has none.
        level: of the tree, from 1, the most general; 0 where no item has a category.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    of_item: np.ndarray
    labels: tuple[str | None, ...]
    level: int


def colour_by(paths: Sequence[Sequence[str]]) -> Categories:
    """Choose a level and name its commonest categories.

    The level is the one whose colouring (ten categories and `other`) has the greatest entropy, the more general of
    equals.

    Args:
        paths: n items' categories, from general to special.
    """
    depth = max(map(len, paths), default=0)
    levels = [[path[at] if len(path) > at else None for path in paths] for at in range(depth)]
    entropies = [_entropy(labels) for labels in levels]
    level = entropies.index(max(entropies)) if entropies else -1
    labels: list[str | None] = levels[level] if levels else [None] * len(paths)
    top = [name for name, _ in _commonest(labels)]
    place = {name: at for at, name in enumerate(top)}
    found = [NONE if label is None else label if label in place else OTHER for label in labels]
    rest = [name for name in (OTHER, NONE) if name in found and name not in place]
    names = (*top, *rest)
    at = {name: number for number, name in enumerate(names)}
    counts = Counter(found)
    return Categories(
        names,
        tuple(counts[name] for name in names),
        np.array([at[name] for name in found], np.uint8),
        tuple(labels),
        level + 1,
    )


def agreement(labels: Sequence[str | None], neighbours: Neighbours) -> tuple[float, int] | None:
    """Return the share of items whose nearest has their category, and of how many items; None if of none."""
    nearest = neighbours.items[:, 0]
    pairs = [
        (label, labels[other]) for label, other in zip(labels, nearest.tolist(), strict=True) if other >= 0
    ]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not known:
        return None
    return sum(one == other for one, other in known) / len(known), len(known)


def _commonest(labels: Sequence[str | None]) -> list[tuple[str, int]]:
    counts = Counter(label for label in labels if label is not None)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[: len(SERIES)]


def _entropy(labels: Sequence[str | None]) -> float:
    named = [count for _, count in _commonest(labels)]
    rest = len(labels) - sum(named)
    shares = np.array([count for count in (*named, rest) if count]) / len(labels)
    return float(-(shares * np.log(shares)).sum())
