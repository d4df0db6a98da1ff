"""Anybody's tables as a source: every format that `featurizer.tables` reads, as a stream."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from featurizer.catalog.categories import divided_by_commas
from featurizer.catalog.column_names import (
    FILE_NAME,
    NO_COLUMN,
    ROW,
    SEVERAL_ROWS,
    USUAL,
    ColumnNames,
    told_mapping,
)
from featurizer.catalog.column_types import stored_type
from featurizer.catalog.columns import to_record
from featurizer.catalog.files_below import readable
from featurizer.catalog.images.local import confined
from featurizer.catalog.item_pictures import MOST_IMAGES, ItemPictures
from featurizer.catalog.item_rows import ItemRows
from featurizer.catalog.locations import METADATA
from featurizer.catalog.merged_rows import MergedRows
from featurizer.catalog.named_pictures import NamedPictures
from featurizer.catalog.near_misses import (
    empty_columns,
    holds_pictures,
    id_candidates,
    picture_candidates,
    say_pictures,
    say_unfound,
    unfound,
)
from featurizer.catalog.picture_survey import PictureSurvey, Surveyed, size_of
from featurizer.catalog.stacked_tables import StackedTables
from featurizer.catalog.survey import OnDuplicate, OnMissing, Survey
from featurizer.errors import InputError
from featurizer.records import ImageRef, ItemRecord, Json
from featurizer.results.files import file_sha256, fingerprint
from featurizer.tables.matching import folded, match
from featurizer.tables.reading import AS_FOUND, Reading
from featurizer.tables.table import Table

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TableSource:
    """Items from one table, or from several one after the other.

    Attributes:
        path: the file or files; their suffixes say the format, `.gz` or `.zst` may follow.
        names: the user's choice of columns.
        images: a folder: image paths start there, or, without an image column, files named by item id.
        base: where image paths start without such a folder; None for the folder of each table.
        reading: how they are written, where that is known.
        on_duplicate: what becomes of rows with one id: an error, the first or the last is taken, or they are merged: of
            each column the first cell that holds something, and the pictures of all, each once. So
            rows of one `Handle` are, as Shopify and Wix write variants, unless the first or the last is asked for.
        on_missing_id: what becomes of a row without an id: an error, left out, or its number is the id.
        max_images: pictures that an item keeps; with 1 no columns of further ones are read.
        notes: counts of the last complete pass (`malformed_lines`, `items_with_several_pictures` of one name,
            `items_with_more_pictures` than it keeps and `pictures_left_out` of these, `repeated_items`,
            `rows_without_id`).
    """

    path: Path | tuple[Path, ...]
    names: ColumnNames
    images: Path | None = None
    base: Path | None = None
    reading: Reading = AS_FOUND
    on_duplicate: OnDuplicate = "error"
    on_missing_id: OnMissing = "error"
    max_images: int = MOST_IMAGES
    notes: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[ItemRecord]:
        """Yield the items in the order of their rows."""
        self.check()
        fields, pictures = self.fields, self._pictures
        further = {*self._used_further, *self._stacked.pictured}
        for row, item, refs in self._taken(pictures):
            images = pictures.kept(refs) if pictures.columns else self._by_name(item)
            yield to_record(row, fields, images, item_id=item, further=further, commas=self._commas)
        self._settle(pictures)

    def _taken(
        self, pictures: ItemPictures
    ) -> Iterator[tuple[Mapping[str, object], str, Sequence[ImageRef]]]:
        """Yield the row of each item, and all pictures that are named."""
        last, taken, how = self._survey.last, set[str](), self._duplicates
        begun: dict[str, MergedRows] = {}
        folders = {id(table): self._folder(table) for table in self._stacked.tables}
        for position, table, _, row in self._rows.rows(self._stacked.bad()):
            item, folder = self._rows.item(row), folders[id(table)]
            if item is None:
                continue
            if item in last and how == "merge":
                rows = begun.setdefault(item, MergedRows())
                rows.add(row, pictures.columns, folder)
                if position == last[item]:
                    del begun[item]
                    yield rows.cells, item, rows.pictures
                continue
            if item in last:
                if item in taken or (how == "last" and position != last[item]):
                    continue
                taken.add(item)
            yield row, item, pictures.named(row, folder)

    @property
    def _duplicates(self) -> OnDuplicate:
        several = folded(self.fields["item_id"]) in SEVERAL_ROWS
        return "merge" if several and self.on_duplicate == "error" else self.on_duplicate

    def _settle(self, pictures: ItemPictures) -> None:
        self.notes.clear()
        self.notes.update(self._survey.notes)
        if self._duplicates == "merge" and (count := self.notes.pop("repeated_items", 0)):
            self.notes["merged_rows"] = count
        pictures.settle(self.notes)
        for bad in self._survey.bad:
            if bad.count:
                logger.warning("%s; %s left out", bad, "it is" if bad.count == 1 else "they are")
        if self._named is not None and self._named.several:
            self._named.say()
            self.notes["items_with_several_pictures"] = len(self._named.several)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names of all tables, in order of appearance."""
        return self._stacked.columns

    @cached_property
    def _stacked(self) -> StackedTables:
        return StackedTables(self.path if isinstance(self.path, tuple) else (self.path,), self.reading)

    @cached_property
    def _rows(self) -> ItemRows:
        return ItemRows(self._stacked, self.fields["item_id"], self.fields.get("image"), self.on_missing_id)

    @property
    def _survey(self) -> Survey:
        return self._rows.survey

    def item_ids(self) -> Iterator[str]:
        """Yield the id of every row that has one, as often as it stands there."""
        return self._rows.ids()

    @cached_property
    def fields(self) -> dict[str, str]:
        """Which column each field is read from."""
        found = self._chosen.resolve(
            self.columns,
            origin=str(self._stacked),
            pictures=self._stacked.pictured,
            unique=lambda: id_candidates(self._stacked.sample, self.columns),
            empty=lambda: empty_columns(self._stacked.sample, self.columns),
        )
        if found["item_id"] == FILE_NAME and "image" not in found:
            raise InputError(
                f"{self._stacked} has no picture column whose files could name the items ({FILE_NAME}); name one with "
                f"--image-column, or number the rows with --item-id-column {ROW}"
            )
        return found

    @property
    def _chosen(self) -> ColumnNames:
        """The user's choice; beside the pictures of an ImageFolder the file names are ids where no column is."""
        beside = all(path.name.lower() in METADATA for path in self._stacked.paths)
        known = self.names.item_id is not None or "item_id" in match(USUAL, self.columns)
        return self.names if known or not beside else self.names.replaced(item_id=FILE_NAME)

    @property
    def extra(self) -> dict[str, pa.DataType]:
        """The columns that are no field, with the type they are stored in; text where there is no simpler one.

        Those that hold pictures, and are not read as such, are left out.
        """
        used = {*self.fields.values(), *self._used_further, *self._stacked.pictured}
        return {name: stored_type(kind) for name, kind in self._stacked.types.items() if name not in used}

    @property
    def several(self) -> bool:
        """Whether any row names several pictures, of which an item may keep more than one."""
        return self._looked.several

    @cached_property
    def mapping(self) -> dict[str, str]:
        """Which columns were taken, of further pictures too, where there are any."""
        return {**self.fields, **({"images": " + ".join(self._used_further)} if self._used_further else {})}

    @property
    def sought(self) -> frozenset[str]:
        """The fields that a column is read for; that of further pictures too where it holds none just now."""
        return frozenset({*self.fields, *(["images"] if self._further else [])})

    @cached_property
    def _further(self) -> tuple[str, ...]:
        """The columns of further pictures, whether they hold any or not."""
        if self.max_images == 1:
            return ()
        return self._chosen.further(
            self.columns,
            self.fields,
            origin=str(self._stacked),
            fits=lambda column: holds_pictures(self._stacked.sample, column),
        )

    @property
    def _used_further(self) -> tuple[str, ...]:
        return self._further if self._further and self._looked.further else ()

    @property
    def _pictures(self) -> ItemPictures:
        return ItemPictures(self.fields.get("image"), self._further, self.max_images)

    @cached_property
    def identity(self) -> dict[str, Json]:
        """The tables' content, what was asked of them, their columns and their pictures' names and sizes."""
        hashes = [file_sha256(path) for path in self._stacked.paths]
        asked: dict[str, Json] = {
            "encoding": self.reading.encoding,
            "delimiter": self.reading.sign,
            "sheet": self.reading.sheet,
            "on_duplicate": None if self.on_duplicate == "error" else self.on_duplicate,
            "on_missing_id": None if self.on_missing_id == "error" else self.on_missing_id,
        }
        own: dict[str, Json] = {
            "sha256": hashes[0] if len(hashes) == 1 else [*hashes],
            "columns": {**self.mapping},
            **{name: value for name, value in asked.items() if value is not None},
        }
        if self._pictures.columns:
            sizes = self._looked.sizes
        else:
            sizes = {} if self._named is None else _sizes(self._named.paths, self._named.folder)
        if sizes:
            own["images"] = fingerprint(sizes)
        return own

    def check(self) -> None:
        """Look through all rows, and say how they are read.

        Raises:
            InputError: they cannot be used; all that is wrong is told at once.
        """
        _ = self._checked

    @cached_property
    def _checked(self) -> bool:
        for table in self._stacked.tables:
            for said in table.told:
                logger.info("%s: %s", table.path, said)
        logger.info("%s", told_mapping(self.mapping, [*self.extra]))
        faults = self._survey.faults(
            on_duplicate=self._duplicates,
            on_missing_id=self.on_missing_id,
            allowed=self._stacked.allowed_bad,
        )
        if faults:
            raise InputError(f"{self._stacked}: {'. '.join(faults)}")
        if self._duplicates == "merge" and self._survey.repeated.count:
            logger.info("rows of one %s are one item, with the pictures of all", self.fields["item_id"])
        if self.images is None and self.names.image != NO_COLUMN:
            self._hint_at_pictures()
        return True

    def _hint_at_pictures(self) -> None:
        column = self.fields.get("image")
        if column is None:
            say_pictures(picture_candidates(self._stacked.sample, [*self.extra]))
            return
        folder = self._folder(self._stacked.tables[0])
        cells = [cell for row in self._stacked.sample if isinstance(cell := row.get(column), str)]
        if (name := unfound(cells, folder)) is not None:
            say_unfound(column, name, folder)

    @cached_property
    def _commas(self) -> bool:
        """Whether commas divide categories."""
        column = self.fields.get("categories")
        return column is not None and divided_by_commas(row.get(column) for row in self._stacked.sample)

    def _folder(self, table: Table) -> Path:
        return self.images or self.base or table.path.parent

    @cached_property
    def _looked(self) -> PictureSurvey:
        return PictureSurvey.of(self._surveyed() if self._pictures.columns else (), self._pictures)

    def _surveyed(self) -> Iterator[Surveyed]:
        """Yield all rows with what is read of pictures."""
        merges = self._duplicates == "merge" and self.max_images > 1
        several = self._survey.last if merges else {}
        column = self.fields["item_id"]
        needed = [*self._pictures.columns, *([column] if several and column in self.columns else [])]
        for _, table, _, row in self._rows.rows(self._stacked.bad(), needed):
            item = self._rows.known_item(row) if several else None
            yield row, self._folder(table), item if item in several else None

    @cached_property
    def _named(self) -> NamedPictures | None:
        return NamedPictures.of(self.images) if self.images is not None else None

    def _by_name(self, item: str) -> Sequence[ImageRef]:
        if self._named is None:
            return ()
        return (confined(ImageRef(path=self._named.find(item)), self.images),)


def _sizes(paths: Iterable[Path], folder: Path) -> dict[str, Json]:
    """Return the size of every file by its path below a folder; None where it is not there."""
    return {readable(os.path.relpath(path, folder)): size_of(path) for path in paths}
