"""The command `card`: a feature set's or a model's card, written with what is known now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from featurizer.operations.operation import Argument, Context, Folder, Operation, Outcome, Reads
from featurizer.results.names import CARD, CROISSANT, FEATURE_SET


class Card(Operation):
    """Write README.md, the card, and croissant.json again from manifest and scores.

    Example: featurizer card ./features --license CC-BY-4.0
    """

    rewrites: ClassVar[bool] = True
    addresses: ClassVar[frozenset[str]] = frozenset({"of", "catalog"})

    of: Annotated[Folder, Argument("DIR"), Reads(("features", "model"))]
    """A feature set, or a model's folder."""
    license: str | None = None
    """Record the license that the vectors go out under, an SPDX id."""
    catalog: Annotated[Folder | None, Reads(("catalog",))] = None
    """The catalog, for titles in the examples."""
    scores: Annotated[Folder | None, Reads(("scores",))] = None
    """Take this scores.json into the set."""

    def state(self) -> Path | None:
        """Return the file in the folder that the card lies in."""
        from featurizer.results.state import state_file

        return state_file(self.of, "card")

    def products(self) -> tuple[Path, ...]:
        """Return the card, which lies in the folder that it describes, and a feature set's Croissant metadata."""
        names = (CARD, CROISSANT) if (self.of / FEATURE_SET).is_file() else (CARD,)
        return tuple(self.of / name for name in names)

    def writes(self) -> tuple[Path, ...]:
        """Return the folder that the card lies in."""
        return (self.of,)

    def run(self, context: Context) -> Outcome[tuple[Path, ...]]:
        """Write the card."""
        from featurizer.release.licenses import unknown_license
        from featurizer.release.recard import recard, unsigned

        written = recard(self.of, license=self.license, catalog=self.catalog, scores=self.scores)
        note = unknown_license(self.license) if self.license is not None else None
        return Outcome(
            tuple(written),
            ", ".join(path.name for path in written),
            "\n".join(str(path) for path in written),
            {"out": str(self.of), "files": [str(path) for path in written]},
            (self.of / CARD,),
            advice=(note,) if note is not None else (),
            warnings=tuple(unsigned(self.of)),
        )
