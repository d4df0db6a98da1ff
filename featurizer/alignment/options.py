"""What the alignment is told, and what it may choose from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from featurizer.config import Config

RANKS = (64, 128, 256)


class AlignOptions(Config):
    """How a map is learned; what stands in a tuple is chosen from, on inner folds of items."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of the folds, of the range finder, and of users that are down-sampled."""
    folds: Annotated[int, Field(ge=1, le=5)] = 3
    """How many fifths of the items are held out in turn, to choose by."""
    fold_users: Annotated[int, Field(ge=1)] = 1500
    """Users that are ranked for in a fold, at most."""
    user_items: Annotated[int, Field(ge=2)] = 1000
    """Items of a user that count, at most; of more, so many are drawn."""
    width: Annotated[int, Field(ge=1)] = 1024
    """Length of the aligned vectors, at most."""
    ranks: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = RANKS
    """Dimensions of the behavior that the content is mapped to."""
    ridges: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (
        0.003,
        0.01,
        0.03,
        0.1,
        0.3,
        1,
        3,
        10,
    )
    """Strengths of the regularization, in units of the content's mean variance a dimension."""
    shares: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)] = (0.5, 1, 1.5, 2, 3)
    """Weights of the mapped vectors beside the content's own, which weigh 1."""
    counts: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)] = (0, 0.5)
    """Powers of how often an item was seen, by which it counts in the regression."""
    weights: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)] = (
        0,
        0.25,
        0.35,
        0.5,
        0.7,
        1,
        1.4,
        2,
        3,
    )
    """Weights of one space of the content against the others."""
    halved: tuple[Annotated[int, Field(ge=1)], ...] = (64, 128, 256)
    """Principal axes of the content that are kept where they are half-whitened."""
