"""What the map is colored by: labels, levels of the category tree, and how far each space keeps them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.ranking.neighbors import Neighbors
from featurizer.report.palette import SERIES

OTHER, NONE = "other", "no category"
MOST_LEVELS = 6
LEVEL = "category level"


@dataclass(frozen=True, slots=True)
class Categories:
    """One label, or one level of the tree, as colors.

    Attributes:
        title: the label's column, or `category level 1`, the most general.
        names: the commonest first; then `other` and `no category`, where there are such items.
        of_item: (n,) uint8, places in `names`.
        labels: n, the category, None where the item has none.
        in_text: share of the labeled items whose text holds it.
    """

    title: str
    names: tuple[str, ...]
    of_item: np.ndarray
    labels: tuple[str | None, ...]
    in_text: float = 0.0


def read_levels(paths: Sequence[Sequence[str]]) -> list[Categories]:
    """Return the levels that tell items apart, the general first; the first level if none does.

    Args:
        paths: n items' categories, from general to special.
    """
    depth = min(max(map(len, paths), default=0), MOST_LEVELS)
    levels = [
        colored(f"{LEVEL} {at + 1}", [path[at] if len(path) > at else None for path in paths])
        for at in range(depth)
    ]
    telling = [level for level in levels if len(set(level.labels) - {None}) > 1]
    return telling or levels[:1] or [colored(f"{LEVEL} 1", [None] * len(paths))]


def agreement(labels: Sequence[str | None], neighbors: Neighbors) -> tuple[float, float] | None:
    """Return how often an item's nearest is of its category, and how often by chance; None where no two have one."""
    pairs = [
        (label, labels[other])
        for label, other in zip(labels, neighbors.items[:, 0].tolist(), strict=True)
        if other >= 0
    ]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not known:
        return None
    own, others = (Counter(side) for side in zip(*known, strict=True))
    chance = sum(own[name] * others[name] for name in own) / len(known) ** 2
    return sum(one == other for one, other in known) / len(known), chance


def kappa(share: float, chance: float) -> float:
    """Return Cohen's kappa of an agreement: 0 is chance, 1 is always."""
    return (share - chance) / (1 - chance) if chance < 1 else 0.0


def most_telling(levels: Sequence[Categories], spaces: Sequence[Neighbors]) -> int:
    """Return the place of the level that the spaces keep together best, by mean kappa; the general of equals.

    Only levels that most items have are asked; where none is, the one that the most have is it.
    """
    counts = [sum(label is not None for label in level.labels) for level in levels]
    common = [at for at, level in enumerate(levels) if 2 * counts[at] > len(level.labels)]
    if not common:
        return counts.index(max(counts))

    def mean_kappa(level: Categories) -> float:
        found = [agreement(level.labels, space) for space in spaces]
        return float(np.mean([kappa(*one) for one in found if one is not None] or [0.0]))

    kappas = [round(mean_kappa(levels[at]), 6) for at in common]
    return common[kappas.index(max(kappas))]


def colored(title: str, labels: Sequence[str | None]) -> Categories:
    """Give the commonest labels a color each.

    Args:
        title: what the labels are.
        labels: n items', None where there is none.
    """
    counts = Counter(label for label in labels if label is not None)
    top = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[: len(SERIES)]]
    rest = {OTHER: len(counts) > len(top), NONE: None in labels}
    names = (*top, *(name for name, there in rest.items() if there))
    # a category that is itself called `other` keeps its own place
    place = {name: at for at, name in enumerate(top)}
    found = [place.get(label, len(top)) if label is not None else len(names) - 1 for label in labels]
    return Categories(title, names, np.array(found, np.uint8), tuple(labels))
