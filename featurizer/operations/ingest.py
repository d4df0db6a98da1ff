"""The command `ingest`: anyone's items become a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.fetching import Fetching
from featurizer.catalog.text import DEFAULT_TEMPLATE
from featurizer.errors import InputError
from featurizer.interactions.methods import SplitMethod
from featurizer.operations.catalogs import catalog_outcome, failed_in
from featurizer.operations.cluster import OnCluster
from featurizer.operations.forgotten import refuse_forgotten
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
from featurizer.results.store_path import StorePath

if TYPE_CHECKING:
    from featurizer.catalog.interactions import InteractionFiles
    from featurizer.catalog.source import ItemSource
    from featurizer.catalog.store import Catalog

HUB = "hf:"
STDIN = "-"


class Ingest(FolderOperation["Catalog"]):
    """Make a catalog of your own items; every column that is no field of an item is kept beside them.

    Example: featurizer ingest items.csv --images pictures/ --out ./catalog
    """

    makes: ClassVar[Mapping[Kind, str]] = {"catalog": ".", "interactions": "interactions.parquet"}
    addresses: ClassVar[frozenset[str]] = frozenset({"out"})
    indifferent: ClassVar[frozenset[str]] = frozenset(
        {"fetching", "cluster", "retry_failed", "update", "max_gone", "max_bad_rows", "max_failures"}
    )

    path: Annotated[tuple[str, ...], Argument("PATH|hf:ORG/NAME..."), Field(min_length=1)]
    """Tables (CSV and its like, JSON, Parquet, .xlsx, .ods, product feeds in XML; .gz and .zst too; - for standard
    input), a folder of pictures or tables, or a Hub data set (hf:./folder: a local copy)."""
    images: Path | None = None
    """Where image paths start, and the only folder that pictures are read from (without it, the table's own); without
    an image column, pictures named by item id. With a folder of pictures, another that links in it lead to."""
    interactions: Annotated[tuple[Path, ...], Reads(())] = ()
    """Who used what: tables of any kind, or .inter; several are put together."""
    user_column: str | None = None
    """Who, in the interactions; by its usual names where not given, as the next three."""
    item_column: str | None = None
    """What was used, in the interactions."""
    time_column: str | None = None
    """When, in the interactions."""
    rating_column: str | None = None
    """How much, in the interactions: stars, a weight, a quantity."""
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
    """Fields of an item's text: title, brand, categories, description, and columns of the source."""
    columns: Annotated[ColumnNames, OptionGroup(lambda: {"columns": ColumnNames}, named="{}_column")] = (
        ColumnNames()
    )
    """Which column is which field; by their usual names where not given."""
    encoding: str | None = None
    """Of tables of text, such as cp1252 or gb18030.  [default: what their bytes say]"""
    delimiter: str | None = None
    """Between the cells of tables: one sign, or comma, semicolon, tab, pipe.  [default: what gives even rows]"""
    sheet: str | None = None
    """Of a spreadsheet, by name or number.  [default: the first that holds a table]"""
    on_duplicate: Literal["error", "first", "last", "merge"] = "error"
    """Of rows with the same id: refuse them, take the first or the last, or make one item of them."""
    on_missing_id: Literal["error", "skip", "number"] = "error"
    """Rows without an id: refuse them, leave them out, or take their number."""
    max_images: Annotated[int, Field(ge=1)] = 8
    """Pictures an item keeps of those that its cells name; 1 keeps the first alone."""
    hub_split: str = "train"
    """Which split of a Hub data set, or of a saved one."""
    hub_config: str | None = None
    """Which configuration of a Hub data set."""
    update: bool = False
    """Bring the catalog in --out up to date: pictures are fetched only for addresses that are new or changed."""
    gone: Literal["drop", "keep"] = "drop"
    """Items that the source has no more: drop them, or keep them, marked in the column `withdrawn`."""
    max_gone: Annotated[float, Field(ge=0, le=1)] = 0.2
    """With --update: refuse to drop a larger share of the items, and more than ten; 1 drops any."""
    retry_failed: bool = False
    """Ask once more for the pictures that failed, and change nothing else."""
    fetching: Annotated[Fetching, OptionGroup(lambda: {"fetching": Fetching})] = Fetching()
    """How pictures are fetched."""
    cluster: Annotated[
        OnCluster, OptionGroup(lambda: {"cluster": OnCluster}, without=frozenset({"gpus_per_worker"}))
    ] = OnCluster()
    """Who fetches them; of the requests that one host is asked at once each worker has its share."""
    max_bad_rows: Annotated[int, Field(ge=0)] | None = None
    """Stop when more rows cannot be read; others are skipped and counted.  [default: none; of JSON half of them]"""
    max_failures: Annotated[int, Field(ge=0)] | None = None
    """Exit with 3 when more pictures failed.  [default: half of them]"""

    @model_validator(mode="before")
    @classmethod
    def _from_table(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a caller passes; validation is what follows
        """Take polars, pandas or pyarrow tables in the place of paths: they are put down as Parquet first."""
        if not isinstance(given, Mapping):
            return given
        from featurizer.catalog.frame import is_table

        found = dict(given)
        for name in ("path", "interactions"):
            if found.get(name) is None:
                found.pop(name, None)
                continue
            several = _several(found[name])
            if name == "path" and any(map(is_table, several)):
                found["source"] = found.get("source") or "table"
            elif name == "path" and STDIN in map(str, several):
                found["source"] = found.get("source") or "standard input"
            found[name] = tuple(map(_location, several))
        return found

    @model_validator(mode="after")
    def _check(self) -> Ingest:
        if self.update and self.overwrite:
            raise InputError(
                "--update keeps what is as it was, --overwrite makes everything again; give one of the two"
            )
        if self.cluster.engine == "ray" and (self.update or self.retry_failed):
            raise InputError(
                "--update and --retry-failed ask for what is missing, from this process; leave --engine ray out"
            )
        if isinstance(self.out, StorePath) and (
            self.update or self.retry_failed or self.cluster.engine == "ray"
        ):
            raise InputError(
                f"--update, --retry-failed and --engine ray work on a catalog in a folder, and {self.out} is an object "
                "store; keep the catalog on this machine, or leave them out"
            )
        if not self.interactions and self.k_core:
            raise InputError(
                f"k-core {self.k_core} needs interactions to count, and none are given; expected a file of who used "
                "what (--interactions), or no k-core"
            )
        if not self.interactions and self.item_map is not None:
            raise InputError("an item map is for interactions that number their items, and none are given")
        asked = [
            name for name in ("user", "item", "time", "rating") if getattr(self, f"{name}_column") is not None
        ]
        if not self.interactions and asked:
            raise InputError(f"--{asked[0]}-column names a column of interactions, and none are given")
        return self

    def run(self, context: Context) -> Outcome[Catalog]:
        """Make the catalog, and say what it holds and what was done."""
        again = self.retry_failed and not (self.overwrite or self.update)
        before = failed_in(self.out) if again else None
        made = self.make(context)
        return catalog_outcome(made, self.max_failures, updated=self.update, failed_before=before)

    def make(self, context: Context) -> Catalog:
        """Make the catalog."""
        from featurizer.catalog.frame import is_copy
        from featurizer.catalog.images import ImageFetcher
        from featurizer.catalog.ingest import ingest
        from featurizer.catalog.interactions import SplitOptions
        from featurizer.catalog.text import TextRecipe

        refuse_forgotten(self)
        name = self.source or ", ".join(Path(path.removeprefix(HUB)).name for path in self.path)
        try:
            with ImageFetcher(self.fetching.options()) as fetcher:
                return ingest(
                    self._items,
                    self.out,
                    fetcher=fetcher,
                    recipe=TextRecipe(template=self.text_template),
                    origin={"name": name, "license": self.license},
                    interactions=self._pairs(),
                    split=SplitOptions(self.k_core, self.split, self.seed),
                    overwrite=self.overwrite,
                    retry=self.retry_failed,
                    update=self.update,
                    gone=self.gone,
                    max_gone=self.max_gone,
                    cluster=self.cluster.cluster(),
                    report=context.report,
                )
        finally:
            for path in (*map(Path, self.path), *self.interactions):
                if is_copy(path):
                    path.unlink(missing_ok=True)

    def precheck(self) -> None:
        """Refuse tables, columns and a template that will not do, without looking at the rows."""
        from featurizer.catalog.text import TextRecipe

        recipe = TextRecipe(template=self.text_template)
        if self.images is not None and not self.images.is_dir():
            raise InputError(f"{self.images} is no folder; expected the one that the pictures lie in")
        if (pairs := self._pairs()) is not None:
            pairs.check()
        if not self.path[0].startswith(HUB):
            recipe.check(self._items.extra)

    def reopens(self) -> bool:
        """Say whether failed pictures are fetched once more, or what is there is compared with the source."""
        return self.retry_failed or self.update

    def updates(self) -> bool:
        """Say whether the catalog in the folder is brought up to date."""
        return self.update

    def open(self) -> Catalog:
        """Return the catalog."""
        from featurizer.catalog.store import Catalog

        return Catalog.open(self.out)

    def outcome(self, value: Catalog) -> Outcome[Catalog]:
        """Count items, pictures and pairs."""
        return catalog_outcome(value, self.max_failures)

    @cached_property
    def _items(self) -> ItemSource:
        from featurizer.catalog.frame import is_copy
        from featurizer.catalog.open_source import open_source
        from featurizer.tables.reading import Reading

        return open_source(
            self.path,
            self.columns,
            images=self.images,
            base=Path.cwd() if any(map(is_copy, map(Path, self.path))) else None,
            reading=Reading(self.encoding, self.delimiter, self.max_bad_rows, self.hub_split, self.sheet),
            config=self.hub_config,
            on_duplicate=self.on_duplicate,
            on_missing_id=self.on_missing_id,
            max_images=self.max_images,
        )

    def _pairs(self) -> InteractionFiles | None:
        from featurizer.catalog.interactions import InteractionFiles
        from featurizer.interactions.read import InteractionColumns
        from featurizer.tables.reading import Reading

        if not self.interactions:
            return None
        columns = InteractionColumns(self.user_column, self.item_column, self.time_column, self.rating_column)
        reading = Reading(max_bad_rows=self.max_bad_rows)
        return InteractionFiles(self.interactions, self.item_map, columns, reading)

    def depends(self) -> dict[str, Json]:
        """Return the content of what lies on this disk; the Hub is asked only when it is read."""
        return {} if self.path[0].startswith(HUB) else {"content": self._items.identity}

    def products(self) -> tuple[Path, ...]:
        """Return the catalog, and its interactions where there are any."""
        pairs = (self.out / self.makes["interactions"],) if self.interactions else ()
        return (self.out, *pairs)


def _several(given: object) -> tuple[object, ...]:
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def _location(one: object) -> object:
    """Take a table in memory, and what comes from standard input, as a file."""
    from featurizer.catalog.frame import is_table, write_stdin, write_table

    if isinstance(one, str) and one == STDIN:
        return str(write_stdin())
    return str(write_table(one) if is_table(one) else one)
