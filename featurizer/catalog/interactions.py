"""The interactions of a catalog: read, made dense, split, written beside its items."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from heapq import nsmallest
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from featurizer.errors import InputError
from featurizer.interactions.core import deduplicate, k_core
from featurizer.interactions.read import SCHEMA, USUAL_COLUMNS, InteractionColumns, ids, read_interactions
from featurizer.interactions.split import split
from featurizer.interactions.store import FILE, statistics, write_interactions
from featurizer.records import Json
from featurizer.results.files import file_sha256
from featurizer.results.store_path import opened
from featurizer.tables.bad_rows import SHOWN, BadRows
from featurizer.tables.open import open_table
from featurizer.tables.reading import AS_FOUND, Reading

logger = logging.getLogger(__name__)
EXAMPLES = 5
"""So many ids show what is the matter."""


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How interactions become train, valid and test: the k-core, the method, its seed."""

    k_core: int = 5
    method: str = "random"
    seed: int = 0

    def apply(self, interactions: pl.DataFrame) -> pl.DataFrame:
        """De-duplicate, keep the k-core and split.

        Raises:
            InputError: nothing is left after the k-core.
        """
        unique = deduplicate(interactions)
        if unique.height < interactions.height:
            logger.info(
                "%s of %s rows repeat a pair of user and item, which counts once",
                f"{interactions.height - unique.height:,}",
                f"{interactions.height:,}",
            )
        kept = k_core(unique, self.k_core)
        if not kept.height:
            raise InputError(
                f"no interactions are left in the {self.k_core}-core of {unique.height} user-item pairs; lower --k-core"
            )
        return split(kept, self.method, seed=self.seed)

    def as_json(self) -> dict[str, Json]:
        """Return the options for a fingerprint."""
        return {"k_core": self.k_core, "split": self.method, "seed": self.seed}


@dataclass(frozen=True, slots=True)
class InteractionFiles:
    """A user's own tables of who used what.

    Attributes:
        paths: read one after the other.
        item_map: asin and itemID, where they number the items.
        columns: the user's choice of columns.
        reading: how the tables are written, where that is known.
    """

    paths: tuple[Path, ...]
    item_map: Path | None = None
    columns: InteractionColumns = USUAL_COLUMNS
    reading: Reading = AS_FOUND

    def check(self) -> None:
        """See that the files are there and have the columns, without looking at the rows.

        Raises:
            InputError: one has not.
        """
        for path in self.paths:
            if not path.is_file():
                raise InputError(f"{path} does not exist; expected a file of interactions")
            self.columns.resolve(open_table(path, self.reading).columns, origin=str(path))

    def split(self, options: SplitOptions) -> pl.DataFrame:
        """Read them; what comes without a split is split, rows that come with one stay.

        Raises:
            InputError: they cannot be used, split some of their rows only, or are split already while a k-core is
                asked for.
        """
        interactions = read_interactions(
            self.paths, item_map=self.item_map, columns=self.columns, reading=self.reading, told=True
        )
        unsplit, rows = interactions["split"].null_count(), interactions.height
        if unsplit == rows:
            return options.apply(interactions)
        called = ", ".join(map(str, self.paths))
        if unsplit:
            raise InputError(
                f"{called}: {unsplit:,} of {rows:,} rows have no split; expected one in every row or in none. "
                "Fill the column, or remove it to have all rows split here."
            )
        if options.k_core > 0:
            raise InputError(
                f"{called} comes with its own split, which a {options.k_core}-core would change. "
                "Leave --k-core out, or remove the column split to have the rows split here."
            )
        return interactions

    def described(self, options: SplitOptions) -> dict[str, Json]:
        """Return the files' hashes, the columns that were named and the options, for a fingerprint.

        Raises:
            InputError: there is no such file.
        """
        missing = next((path for path in self.paths if not path.is_file()), None)
        if missing is not None:
            raise InputError(f"{missing} does not exist; expected a file of interactions")
        hashes: list[Json] = [file_sha256(path) for path in self.paths]
        mapped = file_sha256(self.item_map) if self.item_map is not None else None
        named = {name: column for name, column in asdict(self.columns).items() if column is not None}
        return {
            "sha256": hashes[0] if len(hashes) == 1 else hashes,
            "item_map": mapped,
            **({"columns": named} if named else {}),
            **options.as_json(),
        }


def write_known_interactions(
    interactions: pl.DataFrame, folder: Path, parts: Sequence[Path]
) -> dict[str, Json]:
    """Write `interactions.parquet` and return its statistics, and how many of its items the catalog lacks.

    Where that are more than half of them, it is said, with examples: ids of two kinds do not meet.
    """
    write_interactions(interactions, folder / FILE)
    bought = set(interactions["item_id"].unique())
    lacking = bought.difference(_items(parts))
    if 2 * len(lacking) > len(bought):
        logger.warning(
            "%s of %s items of the interactions are not in the catalog, such as %s; items that only the catalog has "
            "are such as %s. Check that both name items by the same id (--item-id-column, --item-map)",
            f"{len(lacking):,}",
            f"{len(bought):,}",
            _examples(lacking),
            _examples(item for item in _items(parts) if item not in bought),
        )
    return {**statistics(interactions), "items_without_catalog_row": len(lacking)}


def _items(parts: Sequence[Path]) -> Iterator[str]:
    for path in parts:
        with opened(path) as file:
            yield from pq.read_table(file, columns=["item_id"]).column("item_id").to_pylist()


def _examples(ids: Iterable[str]) -> str:
    return ", ".join(repr(item) for item in nsmallest(EXAMPLES, ids)) or "none"


def collect(frame: pl.LazyFrame, path: Path, max_bad_rows: int | None = None) -> pl.DataFrame:
    """Run a lazy read of reviews or ratings, keeping what interactions are made of.

    Args:
        frame: user_id, item_id, timestamp, rating; and line, where the source counts them. A row without user or item
            is one that cannot be read.
        path: the file, for messages.
        max_bad_rows: more such rows are an error; None for half of them.

    Raises:
        InputError: the file cannot be read to its end, or too many of its rows cannot.
    """
    try:
        found = frame.collect(engine="streaming")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"{path} cannot be read to its end: {error}. Delete it and download it again."
        ) from error
    named = found.with_columns(ids(found[column], f"{path}: {column}") for column in ("user_id", "item_id"))
    kept = named.drop_nulls(["user_id", "item_id"])
    _settle(named.filter(pl.any_horizontal(pl.col("user_id", "item_id").is_null())), kept, path, max_bad_rows)
    return kept.with_columns(pl.lit(None, pl.String).alias("split")).select(list(SCHEMA))


def _settle(lost: pl.DataFrame, kept: pl.DataFrame, path: Path, max_bad_rows: int | None) -> None:
    lines = lost["line"].sort().head(SHOWN).to_list() if "line" in lost.columns else []
    BadRows(path, max_bad_rows, lost.height, [f"line {line}" for line in lines]).settle(kept.height)
