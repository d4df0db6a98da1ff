"""The command `export`: a feature set as another program reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from featurizer.config import Flag
from featurizer.operations.operation import (
    Argument,
    Completed,
    Context,
    Folder,
    FolderOperation,
    InteractionsPath,
    Kind,
    Made,
    Outcome,
    Reads,
)
from featurizer.operations.text import table

if TYPE_CHECKING:
    from featurizer.release.exchange.sidecar import Sidecar


class Export(FolderOperation[Made["Sidecar"]]):
    """Write a feature set in the files of MMRec, Cornac, Elliot or RecBole, or as plain arrays.

    Beside them lies export.json: which file holds which space, which rows are filled and with what. The folder's
    name is the data set's.

    Example: featurizer export ./features --format mmrec --interactions ./catalog/interactions.parquet --out ./baby
    """

    makes: ClassVar[Mapping[Kind, str]] = {"export": "."}
    addresses: ClassVar[frozenset[str]] = frozenset({"features", "interactions"})

    features: Annotated[Folder, Argument("FEATURES"), Reads(("features",))]
    """A feature set folder."""
    format: Annotated[str, Flag("--format", "-f"), Completed("format", told=True)]
    """Whose files."""
    spaces: Annotated[tuple[str, ...], Flag("--space")] = ()
    """Only this space.  [default: all]"""
    interactions: Annotated[InteractionsPath | None, Flag("-i"), Reads(("interactions",))] = None
    """Interactions to go with it: .parquet, .csv, .tsv or .inter."""
    item_map: Annotated[Path | None, Reads(())] = None
    """asin and itemID, for interactions that number their items."""
    missing: Literal["zero", "mean", "error"] = "zero"
    """What stands where a vector is missing; the sidecar says it."""

    def precheck(self) -> None:
        """Refuse a format that there is not."""
        from featurizer.release.exchange.format import format_named

        format_named(self.format, written=True)

    def make(self, context: Context) -> Made[Sidecar]:
        """Write the files, and say which hold what."""
        from featurizer.features.feature_set import FeatureSet
        from featurizer.release.exchange.export import export

        sidecar = export(
            FeatureSet.open(self.features),
            self.out,
            format=self.format,
            spaces=self.spaces,
            missing=self.missing,
            interactions=self.interactions,
            item_map=self.item_map,
            overwrite=self.overwrite,
        )
        return Made(self.out, sidecar)

    def open(self) -> Made[Sidecar]:
        """Return what the sidecar says."""
        from featurizer.release.exchange.sidecar import read_sidecar

        sidecar = read_sidecar(self.out)
        assert sidecar is not None  # the export is done: what it made is there
        return Made(self.out, sidecar)

    def outcome(self, value: Made[Sidecar]) -> Outcome[Made[Sidecar]]:
        """List the files with their spaces."""
        done = value.about
        head = f"{done.rows:,} items as {done.format}: {', '.join(done.files)}"
        rows = [
            [entry.name, entry.file, entry.dim, len(entry.missing_rows), entry.fill] for entry in done.spaces
        ]
        lines = [f"{self.out}: {head}", table(["space", "file", "dim", "missing", "filled with"], rows)]
        if done.left_out:
            lines.append(
                f"left out: {done.left_out:,} items without interactions, which the format has no room for"
            )
        if done.added:
            lines.append(f"added: {done.added:,} items that only the interactions name, without vectors")
        return Outcome(value, head, "\n".join(lines), self._record(done), (self.out,))

    def _record(self, done: Sidecar) -> Mapping[str, object]:
        spaces = {
            entry.name: {
                "file": entry.file,
                "dim": entry.dim,
                "missing": len(entry.missing_rows),
                "fill": entry.fill,
            }
            for entry in done.spaces
        }
        return {
            "out": str(self.out),
            "format": done.format,
            "rows": done.rows,
            "left_out": done.left_out,
            "added": done.added,
            "interactions": done.interactions,
            "spaces": spaces,
            "files": done.files,
        }
