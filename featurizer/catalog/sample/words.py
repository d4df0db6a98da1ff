"""From a pitch to a listing: title, brand, categories, description; no word of color or pattern."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from featurizer.catalog.sample.traits import Pitch
from featurizer.catalog.sample.vocabulary import (
    COMPLAINTS,
    KIND_WORDS,
    MAKE_WORDS,
    PRAISE,
    REMARKS,
    USE_WORDS,
)

LIKED = 4
"""Reviews with at least this rating praise."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the seller writes about one item."""

    title: str
    brand: str
    categories: tuple[str, ...]
    description: tuple[str, ...]
    features: tuple[str, ...]


def listing(pitch: Pitch) -> Listing:
    """Word a pitch; the same pitch gives the same words."""
    rng = np.random.default_rng(pitch.wording)
    kind, use, make = KIND_WORDS[pitch.kind], USE_WORDS[pitch.use], MAKE_WORDS[pitch.make]
    brand = use.brands[pitch.brand % len(use.brands)]
    noun, phrase, adjective = (_one(words, rng) for words in (kind.phrases, use.phrases, make.phrases))
    title = _one((f"{brand} {adjective} {noun} {phrase}", f"{adjective} {noun} by {brand} - {phrase}"), rng)
    uses, makes = (
        tuple(words[row] for row in rng.permutation(len(words))) for words in (use.sentences, make.sentences)
    )
    opening = f"{adjective} {noun.lower()} from {brand}."
    return Listing(
        title=title,
        brand=brand,
        categories=(*kind.categories, *use.categories),
        description=(f"{opening} {uses[0]} {makes[0]}", _one(REMARKS, rng)),
        features=(uses[1], makes[1], _one(REMARKS, rng)),
    )


def review_words(pitch: Pitch, rating: int, pick: int) -> tuple[str, str]:
    """Return the title and the text of a review; `pick` chooses among equivalent ones."""
    texts = PRAISE if rating >= LIKED else COMPLAINTS
    title, text = texts[pick % len(texts)]
    return title, text.format(noun=KIND_WORDS[pitch.kind].phrases[0].lower())


def _one(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
