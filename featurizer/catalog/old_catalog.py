"""The catalog that a new one takes the place of: whose pictures need not be fetched again, and which items are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from featurizer.catalog.account import account_path
from featurizer.catalog.images.addresses import parse
from featurizer.catalog.schema import OTHER, core_names, stored_address
from featurizer.catalog.store import Catalog
from featurizer.catalog.stored_pictures import StoredPicture, picture_columns, stored_pictures
from featurizer.errors import InputError
from featurizer.records import OK, REPEATED, Condition, ImageRef, ItemRecord, Json

Gone: TypeAlias = Literal["drop", "keep"]
WITHDRAWN = "withdrawn"
"""The column that says which items the source has no more."""


@dataclass(frozen=True, slots=True)
class OldPicture:
    """A picture that is known.

    Attributes:
        catalog: it lies in.
        row: of its item there.
        place: which of the item's pictures it is.
        condition: under which its server is asked whether it is still the same; None where it is not asked.
        entry: what the account says of it; None where it says nothing.
    """

    catalog: OldCatalog
    row: int
    place: int
    condition: Condition | None
    entry: Mapping[str, Any] | None

    def read(self) -> StoredPicture:
        """Return it as the catalog holds it."""
        return self.catalog.pictures(self.row)[self.place]


class OldCatalog:
    """A finished catalog, looked up by item."""

    def __init__(self, catalog: Catalog) -> None:
        """Take a catalog, with what servers said of its pictures."""
        self.catalog = catalog
        self.rows = {item: row for row, item in enumerate(catalog.column("item_id").to_pylist())}
        self._met = np.zeros(catalog.rows, bool)
        self._addresses = catalog.column("image_url").combine_chunks()
        self._whole = pc.equal(catalog.column("image_status"), OK).combine_chunks()
        self._outcomes = catalog.column("image_outcomes").combine_chunks() if catalog.several else None
        self._further_entries: dict[tuple[str, str], int] = {}
        self._entries, self._entry_of = self._account()
        self._group = (-1, pa.table({}))

    def _account(self) -> tuple[pa.Table, np.ndarray]:
        """Return what servers said, and of each row the entry of its first picture, -1 where there is none."""
        paths = [account_path(part) for part in self.catalog.parts]
        found = [pq.read_table(path) for path in paths if path.exists()]
        entry_of = np.full(self.catalog.rows, -1)
        if not found:
            return pa.table({}), entry_of
        entries = pa.concat_tables(found).combine_chunks()
        rows = np.array([self.rows.get(item, -1) for item in entries.column("item_id").to_pylist()])
        first = rows >= 0
        if self._outcomes is not None:
            first &= self._note_further(entries, rows)
        entry_of[rows[first]] = np.flatnonzero(first)
        return entries, entry_of

    def _note_further(self, entries: pa.Table, rows: np.ndarray) -> np.ndarray:
        """Remember the entries of pictures beside the first; return (e,) which are of the first."""
        told = entries.column("url")
        theirs = self._addresses.take(pa.array(rows, mask=rows < 0))
        first = pc.fill_null(pc.equal(told, theirs), pa.scalar(value=False)).to_numpy()
        items = entries.column("item_id")
        for place in np.flatnonzero(~first).tolist():
            self._further_entries[items[place].as_py(), told[place].as_py()] = place
        return first

    def pictures(self, row: int) -> list[StoredPicture]:
        """Return the pictures that a row holds; the group of rows around it stays in memory for the next."""
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if self._group[0] != group:
            path, number = self._places[group]
            with pq.ParquetFile(path) as file:
                self._group = group, file.read_row_group(number, columns=picture_columns(file.schema_arrow))
        return stored_pictures(self._group[1].slice(row - int(self._starts[group]), 1).to_pylist()[0])

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
        place = self._place(row, stored_address(ref.url))
        if place is None or parse(ref.url.strip()) is None:
            return None
        return self._old(item, row, place)

    def _place(self, row: int, address: str | None) -> int | None:
        """Return which of a row's pictures came from an address, None where none did."""
        if self._whole[row].as_py() and address == self._addresses[row].as_py():
            return 0
        found = (
            (place, one) for place, one in enumerate(self._named(row)) if one["status"] in (OK, REPEATED)
        )
        return next((place for place, one in found if one["url"] == address), None)

    def _named(self, row: int) -> list[dict[str, Any]]:
        """Return what became of a row's pictures, if it names several."""
        return [] if self._outcomes is None else self._outcomes[row].as_py() or []

    def _old(self, item: str, row: int, place: int, *, ask: bool = True) -> OldPicture:
        number = int(self._entry_of[row])
        if place:
            number = self._further_entries.get((item, self._named(row)[place]["url"]), -1)
        entry = self._entries.slice(number, 1).to_pylist()[0] if number >= 0 else None
        condition = Condition(entry["etag"], entry["last_modified"]) if entry is not None else Condition()
        return OldPicture(self, row, place, condition if ask and condition != Condition() else None, entry)

    def meet(self, item: str) -> None:
        """Note that the source has an item still."""
        if (row := self.rows.get(item)) is not None:
            self._met[row] = True

    @property
    def lost(self) -> int:
        """How many of its items were not met."""
        return int((~self._met).sum())

    def gone(self, kinds: Mapping[str, pa.DataType]) -> Iterator[tuple[ItemRecord, tuple[OldPicture, ...]]]:
        """Yield the items that were not met, as they were, with their pictures.

        Args:
            kinds: the columns that they go into; what fits no more goes into `other_fields`.
        """
        schema = self.catalog.schema
        core = core_names(schema)
        names = [name for name in schema.names if name not in core or name not in ("image", "images")]
        fitting = {name for name in names if kinds.get(name) == schema.field(name).type}
        row = -1
        for batch in self.catalog.batches(names, size=1024):
            for told in batch.to_pylist():
                row += 1
                item = told["item_id"]
                if not self._met[row]:
                    record = _record(told, core, fitting)
                    old = [self._old(item, row, place, ask=False) for place in range(len(record.images))]
                    yield record, tuple(old)


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
    core = () if old is None else core_names(schema)
    before = {field.name: field.type for field in schema if field.name not in core}
    return {**before, **extra, OTHER: pa.string(), WITHDRAWN: pa.bool_()}


def _record(told: Mapping[str, Any], core: Collection[str], fitting: Collection[str]) -> ItemRecord:
    own = {name: value for name, value in told.items() if name not in core and name != OTHER}
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
        tuple(ImageRef(url=one["url"]) for one in (told.get("image_outcomes") or [])[1:]),
    )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
