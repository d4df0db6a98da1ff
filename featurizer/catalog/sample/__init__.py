"""A small catalog drawn in code, with known truth: pictures, words, users, and what an oracle would see."""

from __future__ import annotations

from featurizer.catalog.sample.write import META, REVIEWS, write_sample

__all__ = ["META", "REVIEWS", "write_sample"]
