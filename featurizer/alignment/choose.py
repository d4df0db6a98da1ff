"""Everything that is chosen, chosen by one thing: Recall@k of held-out items, on inner folds of the seen ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from featurizer.alignment.behavior import behavior_vectors
from featurizer.alignment.content import Axes, ContentMap, joined_content
from featurizer.alignment.folds import Fold, folds
from featurizer.alignment.mapping import aligned_matrix, root_mean_squares
from featurizer.alignment.options import AlignOptions
from featurizer.alignment.ppmi import Ppmi
from featurizer.alignment.ridge import Ridge, weighted_products
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


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, with the Recall@k of held-out items that it was chosen by.

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
        k: 20, or a quarter of the items held out where they are fewer than 80.
        error: of the gain over the join, the standard error over users; None of a join.
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
    k: int = 20
    error: float | None = None


class Learned:
    """Folds with what was learned of their other items, for one content; what is asked for twice is kept."""

    def __init__(
        self, inner: Sequence[Fold], behaviors: Sequence[np.ndarray], content: np.ndarray, seen: np.ndarray
    ) -> None:
        """Take over the folds, the behavior of each, the (n, p) content, and how often each item was seen."""
        self.inner, self.behaviors, self.content, self.seen = inner, behaviors, content, seen
        self.moments = weighted_products(content, content, np.ones(len(content))) / len(content)
        self.looked_at = [content[fold.rows] for fold in inner]
        self.regressions: dict[float, list[Ridge]] = {}
        self.recalls: dict[Choice, float] = {}

    def recall(self, choice: Choice) -> float:
        """Return the mean of the folds' Recall@k under a choice, at its whole width."""
        if choice not in self.recalls:
            self.recalls[choice] = float(
                np.mean([self._recall(fold, choice) for fold in range(len(self.inner))])
            )
        return self.recalls[choice]

    def join_recalls(self) -> np.ndarray:
        """Return each ranked user's Recall@k of the content alone, fold after fold."""
        return np.concatenate(
            [fold.recalls(content) for fold, content in zip(self.inner, self.looked_at, strict=True)]
        )

    def by_user(self, choice: Choice) -> np.ndarray:
        """Return the same under a choice, at its width."""
        found = []
        for at, (fold, content) in enumerate(zip(self.inner, self.looked_at, strict=True)):
            matrix = aligned_matrix(self.moments, self._mapped(at, choice), choice.share)
            found.append(fold.recalls(content @ matrix[:, : choice.width]))
        return np.concatenate(found)

    def cut(self, choice: Choice, widths: Sequence[int]) -> list[float]:
        """Return the same of the aligned vectors, cut to each of the widths."""
        found = np.zeros((len(self.inner), len(widths)))
        for at, (fold, content) in enumerate(zip(self.inner, self.looked_at, strict=True)):
            turned = content @ aligned_matrix(self.moments, self._mapped(at, choice), choice.share)
            found[at] = [fold.recall(turned[:, :width]) for width in widths]
        return found.mean(0).tolist()

    def _recall(self, at: int, choice: Choice) -> float:
        mapped, content = self._mapped(at, choice), self.looked_at[at]
        own, moved = root_mean_squares(self.moments, mapped)
        beside = content @ (mapped * (choice.share / moved)).astype(np.float32)
        return self.inner[at].recall(np.concatenate([content / np.float32(own), beside], axis=1))

    def _mapped(self, at: int, choice: Choice) -> np.ndarray:
        if choice.power not in self.regressions:
            self.regressions[choice.power] = self._regressions(choice.power)
        return self.regressions[choice.power][at].solve(choice.ridge, choice.rank)

    def _regressions(self, power: float) -> list[Ridge]:
        """Solve for every fold; its moments are those of all items less those held out."""
        weights = counts(self.seen, power)
        moments = weighted_products(self.content, self.content, weights)
        made = []
        for fold, behavior in zip(self.inner, self.behaviors, strict=True):
            held = self.content[fold.held]
            left = moments - weighted_products(held, held, weights[fold.held])
            others = weights.copy()
            others[fold.held] = 0
            made.append(Ridge.of(left, weighted_products(self.content, behavior, others)))
        return made


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


def counts(seen: np.ndarray, power: float) -> np.ndarray:
    """Return (n,) how much each item counts in the regression: how often it was seen, to a power; unseen ones 0."""
    return np.where(seen > 0, np.maximum(seen, 1) ** power, 0.0)


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
