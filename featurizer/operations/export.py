"""The step `export`: a feature set as another program reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work

if TYPE_CHECKING:
    from featurizer.release.exchange.sidecar import Sidecar


class Export(Work):
    """What `featurizer export` is told."""

    makes: ClassVar[Mapping[Kind, str]] = {"export": "."}

    features: Annotated[Path, Reads(("features",))]
    """The feature set."""
    format: str
    """mmrec, cornac, elliot, recbole, npy, safetensors or lance."""
    spaces: tuple[str, ...] = ()
    """Only these; all where not given."""
    interactions: Annotated[Path | None, Reads(("interactions",))] = None
    """To go with it."""
    item_map: Annotated[Path | None, Reads(())] = None
    """asin and itemID, when the interactions number the items."""
    missing: Literal["zero", "mean", "error"] = "zero"
    """What stands where a vector is missing."""

    def make(self, to: Target) -> Sidecar:
        """Write the files, and say which hold what."""
        from featurizer.features.feature_set import FeatureSet
        from featurizer.release.exchange.export import ExportOptions, export
        from featurizer.release.exchange.fill import Missing

        options = ExportOptions(
            self.format,
            self.spaces,
            Missing(self.missing),
            self.interactions,
            self.item_map,
            overwrite=to.overwrite,
        )
        return export(FeatureSet.open(self.features), to.out, options)

    def run(self, to: Target) -> Outcome:
        """Write the files."""
        done = self.make(to)
        return Outcome(f"{done.rows:,} items as {done.format}: {', '.join(done.files)}", (to.out,))
