"""The step `card`: a feature set's or a model's card, written with what is known now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from featurizer.operations.operation import Outcome, Reads, Target, Work

CARD, CROISSANT, FEATURES = "README.md", "croissant.json", "feature_set.json"


class Card(Work):
    """What `featurizer card` is told; it writes into the folder of `of`."""

    rewrites: ClassVar[bool] = True

    of: Annotated[Path, Reads(("features", "model"))]
    """The feature set or the model."""
    license: str | None = None
    """That the vectors go out under, an SPDX id."""
    catalog: Annotated[Path | None, Reads(("catalog",))] = None
    """For titles in the examples."""
    scores: Annotated[Path | None, Reads(("scores",))] = None
    """Taken into the set."""

    def products(self, out: Path) -> tuple[Path, ...]:
        """Return the card, which lies in the folder that it describes, and a feature set's Croissant metadata."""
        names = (CARD, CROISSANT) if (self.of / FEATURES).is_file() else (CARD,)
        return tuple(self.of / name for name in names)

    def run(self, to: Target) -> Outcome:
        """Write the card."""
        from featurizer.release.recard import recard

        written = recard(self.of, license=self.license, catalog=self.catalog, scores=self.scores)
        return Outcome(", ".join(path.name for path in written), (self.of / CARD,))
