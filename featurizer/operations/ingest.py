"""The step `ingest`: anyone's items become a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from featurizer.catalog.columns import ColumnNames
from featurizer.catalog.text import DEFAULT_TEMPLATE
from featurizer.interactions.split import SplitMethod
from featurizer.operations.made import catalog_outcome
from featurizer.operations.operation import Kind, Outcome, Reads, Target, Work
from featurizer.records import Json

if TYPE_CHECKING:
    from featurizer.catalog.source import ItemSource
    from featurizer.catalog.store import Catalog

HUB = "hf:"


class Ingest(Work):
    """What `featurizer ingest` is told."""

    makes: ClassVar[Mapping[Kind, str]] = {"catalog": ".", "interactions": "interactions.parquet"}

    path: str
    """A table, a folder of pictures, or hf:ORG/NAME."""
    images: Path | None = None
    """Where image paths start; without an image column, pictures named by item id."""
    interactions: Annotated[Path | None, Reads(())] = None
    """Who used what."""
    item_map: Annotated[Path | None, Reads(())] = None
    """asin and itemID, when the interactions number the items."""
    k_core: Annotated[int, Field(ge=0)] = 0
    """Keep users and items with at least so many interactions."""
    split: SplitMethod = "random"
    """How interactions without a split are split."""
    seed: int = 0
    """Of the split."""
    license: str | None = None
    """Of the data, an SPDX id."""
    source: str | None = None
    """Where the data come from."""
    text_template: str = DEFAULT_TEMPLATE
    """Fields of an item's text."""
    columns: ColumnNames = ColumnNames()
    """Which column is which field; by their usual names where not given."""
    hub_split: str = "train"
    """Which split of a Hub data set."""
    hub_config: str | None = None
    """Which configuration of a Hub data set."""

    def make(self, to: Target) -> Catalog:
        """Make the catalog."""
        from featurizer.catalog.build import CatalogOptions
        from featurizer.catalog.images import ImageFetcher
        from featurizer.catalog.ingest import ingest
        from featurizer.catalog.interactions import InteractionsFile, SplitOptions
        from featurizer.catalog.text import TextRecipe

        name = self.source or Path(self.path.removeprefix(HUB)).name
        options = CatalogOptions(
            recipe=TextRecipe(template=self.text_template), origin={"name": name, "license": self.license}
        )
        history = None
        if self.interactions is not None:
            split = SplitOptions(self.k_core, self.split, self.seed)
            history = InteractionsFile(self.interactions, split, self.item_map)
        with ImageFetcher() as fetcher:
            return ingest(
                self._source(),
                to.out,
                options,
                fetcher=fetcher,
                history=history,
                overwrite=to.overwrite,
                report=to.report,
            )

    def _source(self) -> ItemSource:
        from featurizer.catalog.ingest import SourceOptions, open_source

        return open_source(
            self.path, SourceOptions(self.columns, self.images, self.hub_split, self.hub_config)
        )

    def depends(self) -> dict[str, Json]:
        """Return the content of what lies on this disk; the Hub is asked only when the step runs."""
        return {} if self.path.startswith(HUB) else {"content": self._source().identity}

    def products(self, out: Path) -> tuple[Path, ...]:
        """Return the catalog, and its interactions where there are any."""
        return (out, out / self.makes["interactions"]) if self.interactions is not None else (out,)

    def run(self, to: Target) -> Outcome:
        """Make the catalog."""
        return catalog_outcome(self.make(to))
