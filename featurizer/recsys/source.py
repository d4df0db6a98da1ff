"""What a model is to be trained on, as files: read whole, and fingerprinted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from featurizer.features.feature_set import FeatureSet
from featurizer.interactions.store import read_split
from featurizer.records import Json
from featurizer.recsys.content import default_space, read_features
from featurizer.recsys.data import RecData, assemble
from featurizer.recsys.options import MIN_COVERAGE
from featurizer.results.files import file_sha256


@dataclass(frozen=True, slots=True)
class Source:
    """A space of a feature set and split interactions.

    Attributes:
        features: the feature set.
        space: the space, `a+b` for two joined.
        interactions: `.parquet`, `.csv`, `.tsv` or `.inter`, with a split.
        item_map: asin ↔ itemID, where the interactions number their items.
        min_coverage: least share of train pairs whose items must have a feature.
    """

    features: FeatureSet
    space: str
    interactions: Path
    item_map: Path | None = None
    min_coverage: float = MIN_COVERAGE

    @classmethod
    def of(
        cls,
        features: Path,
        interactions: Path,
        *,
        space: str | None = None,
        item_map: Path | None = None,
        min_coverage: float = MIN_COVERAGE,
    ) -> Source:
        """Open a feature set folder; without a `space`, `unified` is taken, or the only one.

        Raises:
            InputError: the folder holds no feature set, or several spaces of which none is `unified`.
        """
        opened = FeatureSet.open(features)
        return cls(opened, space or default_space(opened), interactions, item_map, min_coverage)

    def read(self) -> RecData:
        """Read and join both.

        Raises:
            UnknownName: the feature set has no such space.
            InputError: as `read_split` and `assemble`.
        """
        features = read_features(self.features, self.space)
        interactions = read_split(self.interactions, item_map=self.item_map)
        return assemble(interactions, features, min_coverage=self.min_coverage)

    def fingerprints(self) -> dict[str, Json]:
        """Return what tells these inputs from others; part of a stage's configuration."""
        return {
            "features": self.features.manifest.fingerprint,
            "space": self.space,
            "interactions": file_sha256(self.interactions),
            "item_map": file_sha256(self.item_map) if self.item_map else None,
        }
