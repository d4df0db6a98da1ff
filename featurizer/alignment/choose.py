"""Everything that is chosen, chosen by one thing: Recall@20 of held-out items, on inner folds of the seen ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from featurizer.alignment.behavior import behavior_vectors
from featurizer.alignment.content import Axes, ContentMap, joined_content
from featurizer.alignment.folds import Fold, folds
from featurizer.alignment.mapping import aligned_matrix, side_by_side
from featurizer.alignment.options import AlignOptions
from featurizer.alignment.ppmi import Ppmi
from featurizer.alignment.ridge import Ridge
from featurizer.errors import InputError
from featurizer.features.join import SpaceVectors
from featurizer.interactions.user_items import UserItems

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, with the Recall@20 of held-out items that it was chosen by.

    Attributes:
        weights: of each space of the content.
        halved: principal axes kept of a half-whitened content; None where it stays as it is joined.
        ridge: strength of the regularization.
        rank: dimensions of the behavior.
        share: weight of the mapped vectors; 0 where they do not help.
        power: of how often an item was seen.
        width: of the aligned vectors.
        content_recall: of the plain join with these weights.
        halved_recall: of the half-whitened join; None where there is none to try.
        recall: of the aligned vectors.
    """

    weights: tuple[float, ...]
    halved: int | None
    ridge: float
    rank: int
    share: float
    power: float
    width: int
    content_recall: float
    halved_recall: float | None
    recall: float


@dataclass(frozen=True, slots=True)
class Learned:
    """A fold with what was learned of its other items, for one content."""

    fold: Fold
    content: np.ndarray
    regressions: dict[float, Ridge]

    def recall(self, choice: Choice) -> float:
        """Return the held-out items' Recall@20 under a choice."""
        mapped = self.regressions[choice.power].solve(choice.ridge, choice.rank)
        if choice.width == self.content.shape[1]:
            return self.fold.recall(side_by_side(self.content, mapped, choice.share))
        matrix = aligned_matrix(self.content, mapped, choice.share)[:, : choice.width]
        return self.fold.recall(self.content @ matrix)


def choose(
    parts: Sequence[SpaceVectors], train: UserItems, options: AlignOptions, weights: Sequence[float] | None
) -> Choice:
    """Choose weights, geometry, regularization, rank, share and width.

    Args:
        parts: the spaces.
        train: who has what, by row of the spaces.
        options: what there is to choose from.
        weights: of the spaces, where they are not to be chosen.

    Raises:
        InputError: no fold has a user with items inside and outside of it.
    """
    inner = list(folds(train, options.folds, options.fold_users, options.seed))
    if not inner:
        raise InputError(
            "no user has train items both among those held out to choose by and among the others; expected users "
            "with several items each"
        )
    chosen = tuple(weights) if weights is not None else choose_weights(parts, inner, options)
    joined = joined_content(parts, chosen)
    content_recall = _mean(fold.recall(joined(parts)) for fold in inner)
    axes = Axes.of(joined, parts)
    halved, halved_recall = _halved(parts, inner, joined, axes, options)
    behaviors = [behavior_vectors(Ppmi.of(fold.train), max(options.ranks), options.seed) for fold in inner]
    found = []
    for geometry in dict.fromkeys((None, halved if (halved_recall or 0) > content_recall else None)):
        content = geometry_of(joined, axes, geometry, options.width)(parts)
        learned = [
            _learned(fold, content, behavior, options)
            for fold, behavior in zip(inner, behaviors, strict=True)
        ]
        start = Choice(
            chosen,
            geometry,
            ridge=1,
            rank=min(max(options.ranks), behaviors[0].shape[1]),
            share=1.5,
            power=options.counts[0],
            width=content.shape[1],
            content_recall=content_recall,
            halved_recall=halved_recall,
            recall=0.0,
        )
        found.append(_climb(start, learned, options))
    return max(found, key=lambda one: one.recall)


def choose_weights(
    parts: Sequence[SpaceVectors], inner: Sequence[Fold], options: AlignOptions
) -> tuple[float, ...]:
    """Choose the weights of the join, one space after the other, the first weighing 1 until it is its turn."""
    weights = [1.0] * len(parts)
    for part in range(len(parts)) if len(parts) > 2 else range(len(parts) - 1):

        def recall(weight: float, part: int = part) -> float:
            tried = tuple(weight if at == part else own for at, own in enumerate(weights))
            content = joined_content(parts, tried)(parts)
            return _mean(fold.recall(content) for fold in inner)

        weights[part] = _best(options.weights, recall, weights[part])[0]
    return tuple(weights)


def geometry_of(joined: ContentMap, axes: Axes, halved: int | None, width: int) -> ContentMap:
    """Return the content under a geometry: half-whitened with so many axes, or plain."""
    return axes.plain(joined, width) if halved is None else axes.half_whitened(joined, halved)


def _halved(
    parts: Sequence[SpaceVectors],
    inner: Sequence[Fold],
    joined: ContentMap,
    axes: Axes,
    options: AlignOptions,
) -> tuple[int | None, float | None]:
    able = [width for width in options.halved if width <= len(axes.variances)]
    if not able:
        return None, None

    def recall(width: int) -> float:
        content = axes.half_whitened(joined, width)(parts)
        return _mean(fold.recall(content) for fold in inner)

    return _best(able, recall, able[0])


def _learned(fold: Fold, content: np.ndarray, behavior: np.ndarray, options: AlignOptions) -> Learned:
    seen = fold.train.popularity().astype(np.float64)
    return Learned(
        fold, content, {power: Ridge.of(content, behavior, counts(seen, power)) for power in options.counts}
    )


def counts(seen: np.ndarray, power: float) -> np.ndarray:
    """Return (n,) how much each item counts in the regression: how often it was seen, to a power; unseen ones 0."""
    return np.where(seen > 0, np.maximum(seen, 1) ** power, 0.0)


def _climb(start: Choice, learned: Sequence[Learned], options: AlignOptions) -> Choice:
    """Choose one thing after the other, ridge and share twice."""
    ranks = [rank for rank in options.ranks if rank <= start.rank] or [start.rank]
    widths = [width for width in (64, 128, 256) if width < start.width] + [start.width]
    tried: dict[Choice, float] = {}

    def recall(choice: Choice) -> float:
        if choice not in tried:
            tried[choice] = _mean(one.recall(choice) for one in learned)
        return tried[choice]

    at = start
    for _ in range(2):
        at, _score = _best([replace(at, ridge=ridge) for ridge in options.ridges], recall, at)
        at, _score = _best([replace(at, share=share) for share in (0.0, *options.shares)], recall, at)
    at, _score = _best([replace(at, power=power) for power in options.counts], recall, at)
    at, _score = _best([replace(at, rank=rank) for rank in ranks], recall, at)
    width, value = _best(widths, lambda width: recall(replace(at, width=width)), widths[-1])
    return replace(at, width=width, recall=value)


def _best(
    values: Iterable[ValueT], score: Callable[[ValueT], float], preferred: ValueT
) -> tuple[ValueT, float]:
    """Return the best of some values and its score; of equal ones the preferred, else the first."""
    scored = [(value, score(value)) for value in values]
    most = max(found for _, found in scored)
    equal = [value for value, found in scored if found == most]
    return (preferred if preferred in equal else equal[0]), most


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
