"""What inner folds teach, for one content: the Recall@k of held-out items under whatever may be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from featurizer.alignment.folds import Fold
from featurizer.alignment.mapping import aligned_matrix, root_mean_squares
from featurizer.alignment.ridge import Ridge, weighted_products


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


def counts(seen: np.ndarray, power: float) -> np.ndarray:
    """Return (n,) how much each item counts in the regression: how often it was seen, to a power; unseen ones 0."""
    return np.where(seen > 0, np.maximum(seen, 1) ** power, 0.0)
