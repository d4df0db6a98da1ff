"""The catalog that a new one takes the place of: whose pictures need not be fetched again, and which items are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from featurizer.catalog.account import account_path
from featurizer.catalog.images.addresses import parse
from featurizer.catalog.store import CORE, OTHER, Catalog, stored_address
from featurizer.errors import InputError
from featurizer.records import OK, Condition, ImageRef, ItemRecord, Json

Gone: TypeAlias = Literal["drop", "keep"]
WITHDRAWN = "withdrawn"
"""The column that says which items the source has no more."""
PICTURE = ("image", "image_status", "image_sha256", "width", "height")


@dataclass(frozen=True, slots=True)
class OldPicture:
    """A picture that is known.

    Attributes:
        catalog: it lies in.
        row: of its item there.
        condition: under which its server is asked whether it is still the same; None where it is not asked.
        entry: what the account says of it; None where it says nothing.
    """

    catalog: OldCatalog
    row: int
    condition: Condition | None
    entry: Mapping[str, Any] | None

    def read(self) -> dict[str, object]:
        """Return its `image`, `image_status`, `image_sha256`, `width` and `height`."""
        return self.catalog.picture(self.row)


class OldCatalog:
    """A finished catalog, looked up by item."""

    def __init__(self, catalog: Catalog) -> None:
        """Take a catalog, with what servers said of its pictures."""
        self.catalog = catalog
        self.rows = {item: row for row, item in enumerate(catalog.column("item_id").to_pylist())}
        self._addresses = catalog.column("image_url").combine_chunks()
        self._whole = pc.equal(catalog.column("image_status"), OK).combine_chunks()
        self._entries, self._entry_of = self._account()
        self._group = (-1, pa.table({}))

    def _account(self) -> tuple[pa.Table, np.ndarray]:
        """Return what servers said, and of each row its entry, -1 where there is none."""
        paths = [account_path(part) for part in self.catalog.parts]
        found = [pq.read_table(path) for path in paths if path.exists()]
        entry_of = np.full(self.catalog.rows, -1)
        if not found:
            return pa.table({}), entry_of
        entries = pa.concat_tables(found).combine_chunks()
        rows = np.array([self.rows.get(item, -1) for item in entries.column("item_id").to_pylist()])
        entry_of[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        return entries, entry_of

    def picture(self, row: int) -> dict[str, object]:
        """Return what a row holds of its picture; the group of rows around it stays in memory for the next."""
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if self._group[0] != group:
            path, number = self._places[group]
            with pq.ParquetFile(path) as file:
                self._group = group, file.read_row_group(number, columns=list(PICTURE))
        found: dict[str, object] = self._group[1].slice(row - int(self._starts[group]), 1).to_pylist()[0]
        return found

    @cached_property
    def _places(self) -> list[tuple[Path, int]]:
        return [
            (path, group)
            for path in self.catalog.parts
            for group in range(pq.read_metadata(path).num_row_groups)
        ]

    @cached_property
    def _starts(self) -> np.ndarray:
        """(g,) the first row of each row group."""
        counts = [
            about.row_group(group).num_rows
            for about in map(pq.read_metadata, self.catalog.parts)
            for group in range(about.num_row_groups)
        ]
        return np.cumsum([0, *counts])[:-1]

    def known(self, item: str, ref: ImageRef) -> OldPicture | None:
        """Return the picture that an item had, where it is still to be had at the same address of the web.

        A picture that lies on this disk, or in the source itself, is as quickly read as compared.
        """
        row = self.rows.get(item)
        if row is None or ref.url is None or ref.data is not None or ref.path is not None:
            return None
        address = ref.url.strip()
        if not self._whole[row].as_py() or stored_address(ref.url) != self._addresses[row].as_py():
            return None
        if parse(address) is None:
            return None
        return self._old(row)

    def _old(self, row: int, *, ask: bool = True) -> OldPicture:
        place = int(self._entry_of[row])
        entry = self._entries.slice(place, 1).to_pylist()[0] if place >= 0 else None
        condition = Condition(entry["etag"], entry["last_modified"]) if entry is not None else Condition()
        return OldPicture(self, row, condition if ask and condition != Condition() else None, entry)

    def gone(
        self, seen: Collection[str], kinds: Mapping[str, pa.DataType]
    ) -> Iterator[tuple[ItemRecord, OldPicture]]:
        """Yield the items that are not among those seen, as they were, with what became of their pictures.

        Args:
            seen: ids.
            kinds: the columns that they go into; what fits no more goes into `other_fields`.
        """
        schema = self.catalog.schema
        names = [name for name in schema.names if name != "image"]
        fitting = {name for name in names if kinds.get(name) == schema.field(name).type}
        row = -1
        for batch in self.catalog.batches(names, size=1024):
            for told in batch.to_pylist():
                row += 1
                if told["item_id"] not in seen:
                    yield _record(told, fitting), self._old(row, ask=False)


def kept_columns(extra: Mapping[str, pa.DataType], old: OldCatalog | None) -> dict[str, pa.DataType]:
    """Return a source's own columns, and those that its gone items need beside them.

    Raises:
        InputError: the source has a column of the name that says which items are gone.
    """
    if WITHDRAWN in extra:
        raise InputError(
            f"the source has a column '{WITHDRAWN}' of its own, and --gone keep needs that name; rename it, or drop "
            "what is gone"
        )
    schema = () if old is None else old.catalog.schema
    before = {field.name: field.type for field in schema if field.name not in CORE.names}
    return {**before, **extra, OTHER: pa.string(), WITHDRAWN: pa.bool_()}


def _record(told: Mapping[str, Json], fitting: Collection[str]) -> ItemRecord:
    own = {name: value for name, value in told.items() if name not in CORE.names and name != OTHER}
    extra = {name if name in fitting else f"{name} (before)": value for name, value in own.items()}
    if OTHER in told:
        extra[OTHER] = told[OTHER]
    return ItemRecord(
        str(told["item_id"]),
        _text(told["title"]),
        _text(told["brand"]),
        _text(told["description"]),
        tuple(map(str, told["categories"] if isinstance(told["categories"], list) else [])),
        ImageRef(url=_text(told["image_url"])),
        {**extra, WITHDRAWN: True},
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def changes(old: Sequence[Path], new: Sequence[Path]) -> dict[str, Json]:
    """Count the items that are new and gone, and those of another text, another picture, or other fields beside.

    Args:
        old: the parts of the catalog before.
        new: those of the one now.
    """
    before, now = _digests(old), _digests(new)
    both = now.join(before, on="item_id", suffix="_before")
    differ = {name: both[name] != both[f"{name}_before"] for name in ("text", "picture", "fields")}
    marked = int(now["withdrawn"].sum())
    return {
        "new": now.height - both.height,
        "gone": before.height - both.height,
        "withdrawn": marked,
        **{name: int(column.sum()) for name, column in differ.items()},
        "unchanged": both.height - int((differ["text"] | differ["picture"] | differ["fields"]).sum()),
    }


def _digests(parts: Sequence[Path]) -> pl.DataFrame:
    """Return of each item a number for its text, one for its picture, and one for all else."""
    found = []
    for path in parts:
        names = [name for name in pq.read_schema(path).names if name not in ("image", "attempts")]
        others = sorted(set(names) - {*PICTURE, "item_id", "text", WITHDRAWN})
        rows = pl.read_parquet(path, columns=names)
        found.append(
            rows.select(
                "item_id",
                text=rows.select("text").hash_rows(seed=0),
                picture=rows.select("image_status", "image_sha256").hash_rows(seed=0),
                fields=rows.select(others).hash_rows(seed=0),
                withdrawn=WITHDRAWN if WITHDRAWN in names else pl.lit(value=False),
            )
        )
    return pl.concat(found)
