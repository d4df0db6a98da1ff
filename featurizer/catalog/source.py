"""What a source of items is: a stream of records, and for data sets with history, of interactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl
import pyarrow as pa

from featurizer.records import ItemRecord, Json


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """How one publisher writes its metadata and its reviews: what an entry point of `featurizer.sources` names.

    Attributes:
        item: parses one line of the metadata file; a ValueError says that the line is not in the format or has no id,
            and the caller counts it.
        interactions: reads reviews or ratings (gzip too): user_id, item_id: str, timestamp: int64 seconds?,
            rating: f64?; and line: int, where the places of broken lines are to be named. A row without user or item
            is one that cannot be read: it is left out and counted. None where the data have none.
        addresses: reads the table of pictures, where items name theirs by an id alone: of each id its path below the
            pictures' own address.
    """

    item: Callable[[str], ItemRecord]
    interactions: Callable[[Path], pl.LazyFrame] | None = None
    addresses: Callable[[Path], Mapping[str, str]] | None = None


class ItemSource(Protocol):
    """A stream of items that can be read again from the start, always in the same order."""

    def __iter__(self) -> Iterator[ItemRecord]:
        """Yield every item once."""
        ...

    @property
    def extra(self) -> dict[str, pa.DataType]:
        """The source's own columns and the type each is stored in."""
        ...

    @property
    def identity(self) -> dict[str, Json]:
        """What changes when the source's content does; enters the catalog's fingerprint."""
        ...
