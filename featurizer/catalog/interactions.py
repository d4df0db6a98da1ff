"""The interactions of a catalog: read, made dense, split, written beside its items."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path

import polars as pl

from featurizer.catalog.bad_rows import SHOWN, BadRows
from featurizer.errors import InputError
from featurizer.interactions.core import deduplicate, k_core
from featurizer.interactions.read import SCHEMA, ids, read_interactions
from featurizer.interactions.split import split
from featurizer.interactions.store import FILE, statistics, write_interactions
from featurizer.records import Json
from featurizer.results.files import file_sha256

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


def read_and_split(path: Path, options: SplitOptions, item_map: Path | None) -> pl.DataFrame:
    """Read a user's own file of interactions; a file without a split is split, rows that come with one stay.

    Raises:
        InputError: the file cannot be used, splits some of its rows only, or is split already while a k-core is
            asked for.
    """
    interactions = read_interactions(path, item_map=item_map)
    unsplit, rows = interactions["split"].null_count(), interactions.height
    if unsplit == rows:
        return options.apply(interactions)
    if unsplit:
        raise InputError(
            f"{path}: {unsplit:,} of {rows:,} rows have no split; expected one in every row or in none. "
            "Fill the column, or remove it to have all rows split here."
        )
    if options.k_core > 0:
        raise InputError(
            f"{path} comes with its own split, which a {options.k_core}-core would change. "
            "Leave --k-core out, or remove the column split to have the rows split here."
        )
    return interactions


def describe_interactions(path: Path, options: SplitOptions, item_map: Path | None) -> dict[str, Json]:
    """Return the hashes of a user's files and the options, for a fingerprint.

    Raises:
        InputError: there is no such file.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; expected a file of interactions")
    mapped = file_sha256(item_map) if item_map is not None else None
    return {"sha256": file_sha256(path), "item_map": mapped, **options.as_json()}


def write_known_interactions(
    interactions: pl.DataFrame, folder: Path, item_ids: set[str] | None = None
) -> dict[str, Json]:
    """Write `interactions.parquet` and return its statistics, and how many of its items the catalog lacks.

    Where that are more than half of them, it is said, with examples: ids of two kinds do not meet.
    """
    write_interactions(interactions, folder / FILE)
    found = statistics(interactions)
    if item_ids is None:
        return found
    bought = set(interactions["item_id"].unique())
    lacking = bought - item_ids
    if 2 * len(lacking) > len(bought):
        logger.warning(
            "%s of %s items of the interactions are not in the catalog, such as %s; items that only the catalog has "
            "are such as %s. Check that both name items by the same id (--item-id-column, --item-map)",
            f"{len(lacking):,}",
            f"{len(bought):,}",
            _examples(lacking),
            _examples(item_ids - bought),
        )
    return {**found, "items_without_catalog_row": len(lacking)}


def _examples(ids: set[str]) -> str:
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
