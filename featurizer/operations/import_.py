"""The command `import`: another program's vectors as a feature set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from featurizer.config import Flag
from featurizer.operations.feature_sets import look_inside, nulls
from featurizer.operations.operation import (
    Argument,
    Completed,
    Context,
    Folder,
    FolderOperation,
    Kind,
    Outcome,
    Reads,
)
from featurizer.operations.text import table
from featurizer.results.names import CARD

if TYPE_CHECKING:
    from featurizer.features.feature_set import FeatureSet
    from featurizer.records import Json


class Import(FolderOperation["FeatureSet"]):
    """Read vectors into a feature set: what 'export' wrote comes back as it was, other files as their format has them.

    Example: featurizer import image_features_Baby.b --format amazon-b --ids i_id_mapping.csv --out ./features
    """

    makes: ClassVar[Mapping[Kind, str]] = {"features": "."}

    path: Annotated[Folder, Argument("PATH"), Reads(())]
    """A file or folder in the format."""
    format: Annotated[str, Flag("--format", "-f"), Completed("read-format", told=True)]
    """Whose files."""
    space: str | None = None
    """Name of the space, or the one to take.  [default: as the files have it]"""
    ids: Annotated[Path | None, Reads(())] = None
    """The items' ids: one a line, a JSON list, .npy, or a table with item_id or asin. In row order; of amazon-b, the
    items to take."""
    modality: Literal["image", "text", "both"] | None = None
    """What the vectors were made from.  [default: by the space's name]"""
    null_rows: Literal["none", "zero", "nan"] = "none"
    """Which rows mean that there is no vector."""
    license: str | None = None
    """License of the source, an SPDX id."""
    source: str | None = None
    """Where the vectors come from."""

    def make(self, context: Context) -> FeatureSet:
        """Read the files and write the set with its card."""
        from featurizer.release.card import write_card
        from featurizer.release.exchange.import_ import import_set

        known: dict[str, Json] = {
            name: value
            for name, value in (("name", self.source), ("license", self.license))
            if value is not None
        }
        made = import_set(
            self.path,
            self.out,
            format=self.format,
            space=self.space,
            ids=self.ids,
            modality=self.modality,
            null_rows=self.null_rows,
            source=known,
            overwrite=self.overwrite,
        )
        write_card(made)
        return made

    def open(self) -> FeatureSet:
        """Return the feature set."""
        from featurizer.features.feature_set import FeatureSet

        return FeatureSet.open(self.out)

    def outcome(self, value: FeatureSet) -> Outcome[FeatureSet]:
        """List the spaces."""
        null = nulls(value)
        rows = [[name, spec.modality, spec.dim, null[name]] for name, spec in value.spaces.items()]
        return Outcome(
            value,
            f"{value.rows:,} items: {', '.join(value.spaces)}",
            f"{self.out}: {value.rows:,} items\n{table(['space', 'reads', 'dim', 'null'], rows)}",
            {"out": str(self.out), "rows": value.rows, "spaces": list(value.spaces), "null": null},
            (value.folder / CARD,),
            advice=(look_inside(self.out),),
        )
