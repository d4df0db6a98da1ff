"""The command `ingest`: anyone's items become a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, model_validator

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.fetching import Fetching
from featurizer.catalog.text import DEFAULT_TEMPLATE
from featurizer.errors import InputError
from featurizer.interactions.methods import SplitMethod
from featurizer.operations.catalogs import catalog_outcome
from featurizer.operations.operation import (
    Argument,
    Context,
    FolderOperation,
    Kind,
    OptionGroup,
    Outcome,
    Reads,
)
from featurizer.records import Json

if TYPE_CHECKING:
    from featurizer.catalog.source import ItemSource
    from featurizer.catalog.store import Catalog

HUB = "hf:"


class Ingest(FolderOperation["Catalog"]):
    """Make a catalog of your own items; every column that is no field of an item is kept beside them.

    Example: featurizer ingest items.csv --images pictures/ --out ./catalog
    """

    makes: ClassVar[Mapping[Kind, str]] = {"catalog": ".", "interactions": "interactions.parquet"}
    indifferent: ClassVar[frozenset[str]] = frozenset(
        {"fetching", "retry_failed", "max_bad_rows", "max_failures"}
    )

    path: Annotated[str, Argument("PATH|hf:ORG/NAME")]
    """A CSV, TSV, JSONL or Parquet file (.gz too), a folder of pictures, or a Hub data set (hf:./folder: a local
    copy)."""
    images: Path | None = None
    """Where image paths start, and the only folder that pictures are read from (without it, the table's own); without
    an image column, pictures named by item id. With a folder of pictures, another that links in it lead to."""
    interactions: Annotated[Path | None, Reads(())] = None
    """Who used what: Parquet, CSV, TSV or .inter (.gz too)."""
    item_map: Annotated[Path | None, Reads(())] = None
    """CSV with asin and itemID, when the interactions number the items."""
    k_core: Annotated[int, Field(ge=0)] = 0
    """Keep users and items with at least so many interactions."""
    split: SplitMethod = "random"
    """How interactions without a split are split: random, leave-one-out, global-time or cold-items:SHARE."""
    seed: int = 0
    """Seed of the split."""
    license: str | None = None
    """License of the data, an SPDX id."""
    source: str | None = None
    """Where the data come from; recorded."""
    text_template: str = DEFAULT_TEMPLATE
    """Fields of an item's text."""
    columns: Annotated[ColumnNames, OptionGroup(lambda: {"columns": ColumnNames}, named="{}_column")] = (
        ColumnNames()
    )
    """Which column is which field; by their usual names where not given."""
    hub_split: str = "train"
    """Which split of a Hub data set."""
    hub_config: str | None = None
    """Which configuration of a Hub data set."""
    retry_failed: bool = False
    """Ask once more for the pictures that failed, and change nothing else."""
    fetching: Annotated[Fetching, OptionGroup(lambda: {"fetching": Fetching})] = Fetching()
    """How pictures are fetched."""
    max_bad_rows: Annotated[int, Field(ge=0)] | None = None
    """Stop when more lines of JSON cannot be read; the others are skipped and counted.  [default: half of them]"""
    max_failures: Annotated[int, Field(ge=0)] | None = None
    """Exit with 3 when more pictures failed.  [default: half of them]"""

    @model_validator(mode="before")
    @classmethod
    def _from_table(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a caller passes; validation is what follows
        """Take polars, pandas or pyarrow tables in the place of paths: they are put down as Parquet first."""
        if not isinstance(given, Mapping):
            return given
        from featurizer.catalog.frame import is_table, write_table

        found = dict(given)
        for name in ("path", "interactions"):
            if is_table(found.get(name)):
                found[name] = write_table(found[name])
                if name == "path":
                    found["source"] = found.get("source") or "table"
        return {**found, "path": str(found["path"])} if isinstance(found.get("path"), Path) else found

    @model_validator(mode="after")
    def _check(self) -> Ingest:
        if self.interactions is None and self.k_core:
            raise InputError(
                f"k-core {self.k_core} needs interactions to count, and none are given; expected a file of who used "
                "what (--interactions), or no k-core"
            )
        if self.interactions is None and self.item_map is not None:
            raise InputError("an item map is for interactions that number their items, and none are given")
        return self

    def make(self, context: Context) -> Catalog:
        """Make the catalog."""
        from featurizer.catalog.frame import is_copy
        from featurizer.catalog.images import ImageFetcher
        from featurizer.catalog.ingest import ingest
        from featurizer.catalog.interactions import SplitOptions
        from featurizer.catalog.text import TextRecipe

        name = self.source or Path(self.path.removeprefix(HUB)).name
        try:
            with ImageFetcher(self.fetching.options()) as fetcher:
                return ingest(
                    self._source(),
                    self.out,
                    fetcher=fetcher,
                    recipe=TextRecipe(template=self.text_template),
                    origin={"name": name, "license": self.license},
                    interactions=self.interactions,
                    item_map=self.item_map,
                    split=SplitOptions(self.k_core, self.split, self.seed),
                    overwrite=self.overwrite,
                    retry=self.retry_failed,
                    report=context.report,
                )
        finally:
            for path in (Path(self.path), self.interactions):
                if path is not None and is_copy(path):
                    path.unlink(missing_ok=True)

    def reopens(self) -> bool:
        """Say whether failed pictures are fetched once more."""
        return self.retry_failed

    def open(self) -> Catalog:
        """Return the catalog."""
        from featurizer.catalog.store import Catalog

        return Catalog.open(self.out)

    def outcome(self, value: Catalog) -> Outcome[Catalog]:
        """Count items, pictures and pairs."""
        return catalog_outcome(value, self.max_failures)

    def _source(self) -> ItemSource:
        from featurizer.catalog.frame import is_copy
        from featurizer.catalog.ingest import open_source

        return open_source(
            self.path,
            self.columns,
            images=self.images,
            base=Path.cwd() if is_copy(Path(self.path)) else None,
            split=self.hub_split,
            config=self.hub_config,
            max_bad_rows=self.max_bad_rows,
        )

    def depends(self) -> dict[str, Json]:
        """Return the content of what lies on this disk; the Hub is asked only when it is read."""
        return {} if self.path.startswith(HUB) else {"content": self._source().identity}

    def products(self) -> tuple[Path, ...]:
        """Return the catalog, and its interactions where there are any."""
        pairs = (self.out / self.makes["interactions"],) if self.interactions is not None else ()
        return (self.out, *pairs)
