"""Does an item's picture find its own text, and the text its picture?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from featurizer.ranking.cosine import unit_rows
from featurizer.ranking.ranks import TIE
from featurizer.scoring.measures import Single
from featurizer.scoring.metric_key import MetricKey
from featurizer.scoring.scorer import ScoreOptions

CELL_BYTES = 32
"""What a score costs while ranks are counted: itself, its difference from the own one, and what is compared."""


def retrieval(
    a: np.ndarray, b: np.ndarray, names: tuple[str, str], options: ScoreOptions
) -> Iterator[Single]:
    """Yield Recall@1 and at each K: the share of items whose own vector of the other modality is among the first.

    Args:
        a: (n, d) vectors of n items.
        b: (n, d) vectors of the same items in the other modality.
        names: the two modalities.
        options: list lengths and memory.
    """
    first, second = unit_rows(a), unit_rows(b)
    for query, target, label in (
        (first, second, f"{names[0]}_to_{names[1]}"),
        (second, first, f"{names[1]}_to_{names[0]}"),
    ):
        ranks = own_ranks(query, target, options.memory)
        for k in sorted({1, *options.ks}):
            key = MetricKey(f"diagnostic_retrieval_{label}_recall", k=k)
            yield Single(key, float((ranks < k).mean()), len(ranks))


def own_ranks(queries: np.ndarray, targets: np.ndarray, memory: int) -> np.ndarray:
    """Return the (n,) rank of row i of the targets among all of them, by cosine to query i; ties by index."""
    ranks = np.empty(len(queries), np.int64)
    block = max(1, memory // (len(targets) * CELL_BYTES))
    columns = np.arange(len(targets))
    for start in range(0, len(queries), block):
        rows = np.arange(start, min(start + block, len(queries)))
        scores = queries[rows] @ targets.T
        own = scores[np.arange(len(rows)), rows][:, None]
        above = (scores > own + TIE).sum(1)
        level = ((np.abs(scores - own) <= TIE) & (columns < rows[:, None])).sum(1)
        ranks[rows] = above + level
    return ranks
