"""A space in the plane: PCA shows the broad lay, t-SNE the neighborhoods; both of the unit vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FEWEST = 3
"""Items that a map needs."""
COMPONENTS = 50
"""Principal components that t-SNE looks at, as its authors advise."""
PERPLEXITY = 30.0
MOST = 20_000
"""Items that t-SNE looks at; of more, at a sample."""
ROUNDS = 500


@dataclass(frozen=True, slots=True)
class Projection:
    """A map: `points` (n, 2) float32, NaN where an item has no vector or is left out; `about` says how it was made."""

    name: str
    about: str
    points: np.ndarray


def project(units: np.ndarray, present: np.ndarray, seed: int, *, tsne: bool) -> Iterator[Projection]:
    """Yield the maps of (n, d) unit vectors; none where fewer than three different ones are present.

    Args:
        units: the vectors, zeros where absent.
        present: (n,) bool.
        seed: of everything random; it gives the same map twice.
        tsne: whether to draw the slow one.
    """
    from sklearn.decomposition import PCA

    rows = units[present].astype(np.float64)
    # one number a row tells rows apart, but for an accident that costs nothing
    told_apart = len(np.unique(np.round(rows @ np.random.default_rng(0).standard_normal(rows.shape[1]), 6)))
    if told_apart < FEWEST:
        return
    pca = PCA(min(COMPONENTS, *rows.shape), svd_solver="auto", random_state=seed).fit(rows)
    scores = pca.transform(rows)
    plane = scores[:, :2] if scores.shape[1] > 1 else np.column_stack([scores[:, 0], np.zeros(len(scores))])
    share = pca.explained_variance_ratio_[:2].sum()
    yield Projection(
        "PCA", f"first two principal components, {share:.0%} of the variance", _at(plane, present)
    )
    if tsne:
        shown = _sample(present, seed)
        some = scores[shown[present]]
        of = (
            f" of a sample of {len(some):,} of the {len(scores):,} items (seed {seed}),"
            if len(some) < len(scores)
            else ""
        )
        yield Projection(
            "t-SNE",
            f"t-SNE{of} of {scores.shape[1]} principal components, perplexity {_perplexity(len(some)):.0f}; "
            "distances between clusters mean little",
            _at(_tsne(some, seed), shown),
        )


def _sample(present: np.ndarray, seed: int) -> np.ndarray:
    """Return (n,) bool, which of the items present t-SNE looks at: all, or a seeded sample of `MOST`."""
    rows = np.flatnonzero(present)
    if len(rows) <= MOST:
        return present
    chosen = np.zeros(len(present), bool)
    chosen[np.random.default_rng([seed, 2]).choice(rows, MOST, replace=False)] = True
    return chosen


def _tsne(scores: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    # a plane of zero width has no scale to begin from
    start = "pca" if scores.shape[1] > 1 else "random"
    found = TSNE(
        2, perplexity=_perplexity(len(scores)), init=start, max_iter=ROUNDS, random_state=seed
    ).fit_transform(scores.astype(np.float32))
    return np.asarray(found)


def _perplexity(items: int) -> float:
    return min(PERPLEXITY, (items - 1) / 3)


def _at(plane: np.ndarray, present: np.ndarray) -> np.ndarray:
    points = np.full((len(present), 2), np.nan, np.float32)
    points[present] = plane
    return points
