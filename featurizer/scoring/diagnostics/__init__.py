"""What a space is like: coverage, rank, geometry, hubs, and whether neighbors are bought together.

Every figure is a file. They are computed on the vectors under the transform, so that transforms compare.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from featurizer.ranking.nearest import nearest
from featurizer.scoring.diagnostics.alignment import alignment_and_uniformity
from featurizer.scoring.diagnostics.cka import linear_cka
from featurizer.scoring.diagnostics.co_purchase import co_purchase
from featurizer.scoring.diagnostics.coverage import coverage
from featurizer.scoring.diagnostics.effective_rank import effective_rank
from featurizer.scoring.diagnostics.hubness import hubness
from featurizer.scoring.diagnostics.modality_gap import modality_gap
from featurizer.scoring.diagnostics.retrieval import retrieval
from featurizer.scoring.evaluation_data import EvaluationData
from featurizer.scoring.measures import Single
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import ScoredSpace, SpacePart

NEIGHBORS = 10


def score(space: ScoredSpace, evaluation: EvaluationData, options: ScoreOptions) -> Iterator[Single]:
    """Yield every diagnostic of a space; those of two parts only where it is a join."""
    vectors = space.vectors
    yield from coverage(space)
    yield from effective_rank(vectors)
    yield from alignment_and_uniformity(vectors, evaluation.bought, options.seed)
    near = nearest(
        vectors,
        NEIGHBORS,
        memory=options.memory,
        device=options.device,
        halves=options.halves,
        report=options.report,
    )
    yield from hubness(near, vectors)
    yield from co_purchase(near, vectors, evaluation.bought, options.seed)
    for a, b in itertools.combinations(space.parts, 2):
        yield from _of_two(a, b, options)


def _of_two(a: SpacePart, b: SpacePart, options: ScoreOptions) -> Iterator[Single]:
    both = a.present & b.present
    if both.sum() < 2:
        return
    first, second = a.vectors[both], b.vectors[both]
    yield from linear_cka(first, second)
    if first.shape[1] == second.shape[1]:
        yield from modality_gap(first, second)
        yield from retrieval(first, second, (a.modality, b.modality), options)
