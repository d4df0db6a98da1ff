"""Feature sets and interactions of a few items, for single scorers."""

from __future__ import annotations

import numpy as np
import polars as pl

from featurizer.scoring.evaluation_data import EvaluationData, EvaluationOptions, evaluation_data
from featurizer.scoring.spaces import ScoredSpace, SpacePart

ITEMS = 40


def part(name: str, modality: str, vectors: np.ndarray, present: np.ndarray | None = None) -> SpacePart:
    there = np.ones(len(vectors), bool) if present is None else present
    some = vectors.any(1)
    kept = np.where(there[:, None], vectors, 0).astype(np.float32)
    return SpacePart(name, modality, kept, there & some, there & ~some)


def space(*parts: SpacePart) -> ScoredSpace:
    return ScoredSpace("set", "+".join(one.name for one in parts), "none", parts)


def frame(seed: int = 0, users: int = 24, items: int = ITEMS) -> pl.DataFrame:
    """Users of three groups buy items of their group: four train, one valid, one test."""
    generator, rows = np.random.default_rng(seed), []
    for user in range(users):
        own = [item for item in range(items) if item % 3 == user % 3]
        splits = ["train"] * 4 + ["valid", "test"]
        for item, split in zip(generator.choice(own, 6, replace=False), splits, strict=True):
            rows.append((f"u{user:02d}", f"i{item:02d}", split))
    return pl.DataFrame(rows, schema=["user_id", "item_id", "split"], orient="row")


def world(**changes) -> EvaluationData:
    return evaluation_data(frame(), [f"i{row:02d}" for row in range(ITEMS)], EvaluationOptions(**changes))


def grouped(seed: int = 0, dim: int = 6, noise: float = 0.4) -> np.ndarray:
    """Items of a group have near vectors."""
    generator = np.random.default_rng([seed, 1])
    centers = generator.standard_normal((3, dim))
    vectors = centers[np.arange(ITEMS) % 3] + noise * generator.standard_normal((ITEMS, dim))
    return vectors.astype(np.float32)
