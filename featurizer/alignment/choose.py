"""Everything that is chosen, chosen by one thing: Recall@k of held-out items, on inner folds of the seen ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from featurizer.alignment.behavior import behavior_vectors
from featurizer.alignment.content import Axes, ContentMap, joined_content
from featurizer.alignment.folds import Fold, folds
from featurizer.alignment.learned import Choice, Learned
from featurizer.alignment.options import AlignOptions
from featurizer.alignment.ppmi import Ppmi
from featurizer.errors import InputError
from featurizer.features.join import SpaceVectors
from featurizer.interactions.user_items import UserItems

ValueT = TypeVar("ValueT")

RIDGE, SHARE = 0.1, 1.5
"""Where choosing begins, or at the nearest there is."""
CLEAR = 2.0
"""Standard errors that a map has to gain over the join: it is the best of many tried on the same items."""
WIDTHS = (64, 128, 256)
"""Tried beside the whole width."""


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
        InputError: no fold has a user with items inside and outside of it, or the content is the same for all items.
    """
    inner = _inner(train, options)
    chosen = tuple(weights) if weights is not None else choose_weights(parts, inner, options)
    joined = joined_content(parts, chosen)
    content_recall = _recall_of(joined, parts, inner)
    axes = Axes.of(joined, parts)
    if not len(axes.variances):
        raise InputError(
            f"the vectors of all {len(parts[0][0]):,} items are the same, so that nothing tells one from another; "
            "expected spaces that do. 'featurizer inspect' shows what they hold"
        )
    halved, halved_recall = _halved(parts, inner, joined, axes, options)
    behaviors = [behavior_vectors(Ppmi.of(fold.train), max(options.ranks), options.seed) for fold in inner]
    seen = train.popularity().astype(np.float64)
    joins, maps = [], []
    for geometry in dict.fromkeys((None, halved if (halved_recall or 0) > content_recall else None)):
        content = geometry_of(joined, axes, geometry, options.width)(parts)
        start = Choice(
            chosen,
            geometry,
            ridge=_nearest(options.ridges, RIDGE),
            rank=min(max(options.ranks), max(behavior.shape[1] for behavior in behaviors)),
            share=_nearest(options.shares, SHARE),
            power=options.counts[0],
            width=content.shape[1],
            content_recall=content_recall,
            halved_recall=halved_recall,
            recall=0.0,
            k=inner[0].k,
        )
        learned = Learned(inner, behaviors, content, seen)
        own = learned.join_recalls()
        joins.append((replace(start, share=0.0, recall=float(own.mean())), own))
        mapped = _choose_map(start, learned, options)
        maps.append((mapped, learned.by_user(mapped)))
    (join, without), (mapped, found) = (max(ways, key=lambda way: way[1].mean()) for ways in (joins, maps))
    gains = found - without
    error = float(gains.std(ddof=1) / len(gains) ** 0.5) if len(gains) > 1 else math.inf
    return replace(mapped, error=error) if gains.mean() > CLEAR * error else join


def choose_fusion(parts: Sequence[SpaceVectors], train: UserItems, options: AlignOptions) -> ContentMap:
    """Choose how spaces are joined: their weights, and whether half-whitened with how many axes.

    Args:
        parts: the spaces.
        train: who has what, by row of the spaces.
        options: what there is to choose from.

    Raises:
        InputError: no fold has a user with items inside and outside of it.
    """
    known = np.any([present & vectors.any(1) for vectors, present in parts], axis=0)
    inner = _inner(train.of_items(known), options)
    joined = joined_content(parts, choose_weights(parts, inner, options))
    axes = Axes.of(joined, parts)
    halved, recall = _halved(parts, inner, joined, axes, options)
    if halved is None or (recall or 0) <= _recall_of(joined, parts, inner):
        return joined
    return axes.half_whitened(joined, halved)


def _inner(train: UserItems, options: AlignOptions) -> list[Fold]:
    found = list(folds(train, options.folds, options.fold_users, options.seed))
    if not found:
        raise InputError(
            "no user has train items both among those held out to choose by and among the others; expected users "
            "with several items each"
        )
    return found


def choose_weights(
    parts: Sequence[SpaceVectors], inner: Sequence[Fold], options: AlignOptions
) -> tuple[float, ...]:
    """Choose the weights of the join, one space after the other, the first weighing 1 until it is its turn."""
    weights = (1.0,) * len(parts)
    means = joined_content(parts, weights)

    def recall(tried: tuple[float, ...]) -> float:
        return _recall_of(replace(means, weights=tried), parts, inner)

    for part in range(len(parts)) if len(parts) > 2 else range(len(parts) - 1):
        tried = [
            (*weights[:part], weight, *weights[part + 1 :])
            for weight in sorted({*options.weights, weights[part]})
        ]
        weights = climb(tried, recall, weights)
    return weights


def geometry_of(joined: ContentMap, axes: Axes, halved: int | None, width: int) -> ContentMap:
    """Return the content under a geometry: half-whitened with so many axes, or plain."""
    return axes.plain(joined, width) if halved is None else axes.half_whitened(joined, halved)


def climb(ordered: Sequence[ValueT], score: Callable[[ValueT], float], start: ValueT) -> ValueT:
    """Go from one of some values to the better of its neighbors until none is better; return where that ends.

    Few of them are scored; it is the best of all where the score rises to one summit.
    """
    scores: dict[int, float] = {}

    def at(place: int) -> float:
        if place not in scores:
            scores[place] = score(ordered[place])
        return scores[place]

    here = ordered.index(start)
    while True:
        near = [place for place in (here - 1, here + 1) if 0 <= place < len(ordered)]
        best = max(near, key=at, default=here)
        if at(best) <= at(here):
            return ordered[here]
        here = best


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
    found = {width: _recall_of(axes.half_whitened(joined, width), parts, inner) for width in able}
    best = max(found, key=lambda width: found[width])
    return best, found[best]


def _choose_map(start: Choice, learned: Learned, options: AlignOptions) -> Choice:
    """Choose one thing after the other, ridge and share twice."""
    at = start
    for _ in range(2):
        ridges = [replace(at, ridge=ridge) for ridge in sorted({*options.ridges})]
        at = climb(ridges, learned.recall, at)
        shares = [replace(at, share=share) for share in sorted({0.0, *options.shares})]
        at = climb(shares, learned.recall, at)
    at = max((replace(at, power=power) for power in options.counts), key=learned.recall)
    ranks = sorted({at.rank, *(rank for rank in options.ranks if rank < at.rank)})
    at = max((replace(at, rank=rank) for rank in ranks), key=learned.recall)
    widths = [at.width, *(width for width in WIDTHS if width < at.width)]
    values = learned.cut(at, widths)
    best = int(np.argmax(values))
    return replace(at, width=widths[best], recall=values[best])


def _recall_of(content: ContentMap, parts: Sequence[SpaceVectors], inner: Sequence[Fold]) -> float:
    """Return the mean Recall@k of a content."""
    return float(
        np.mean(
            [
                fold.recall(content([(vectors[fold.rows], present[fold.rows]) for vectors, present in parts]))
                for fold in inner
            ]
        )
    )


def _nearest(values: Sequence[float], wanted: float) -> float:
    return min(values, key=lambda value: abs(value - wanted))
