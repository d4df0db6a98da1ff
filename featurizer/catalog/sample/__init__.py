"""A small catalog drawn in code, with known truth: pictures, words, users, and what an oracle would see."""

from __future__ import annotations

from featurizer.catalog.sample.write import SampleFiles, write_sample

__all__ = ["SampleFiles", "write_sample"]
