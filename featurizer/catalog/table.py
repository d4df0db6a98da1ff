"""Anybody's table as a source: CSV, TSV, JSON lines or Parquet, gzip too, read as a stream."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.bad_rows import BadRows
from featurizer.catalog.class_labels import ClassLabels
from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.columns import DEEPEST, as_image, float_bits, is_deep, to_record
from featurizer.catalog.files_below import readable
from featurizer.catalog.images.local import confined
from featurizer.catalog.json_lines import json_object
from featurizer.catalog.named_pictures import NamedPictures
from featurizer.errors import InputError
from featurizer.records import ImageRef, ItemRecord, Json
from featurizer.results.files import file_sha256, fingerprint
from featurizer.text_files import csv_rows, not_text, open_text, utf8_lines
from featurizer.values import as_id

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
PICTURES = (
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2", ".heic", ".heif",
)  # fmt: skip
_KEPT = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)


@dataclass(frozen=True)
class TableSource:
    """Items from one table file.

    Attributes:
        path: the table; its suffix says the format, `.gz` may follow.
        names: the user's choice of columns.
        images: a folder: image paths start there, or, without an image column, files named by item id.
        base: where image paths start without such a folder; None for the table's own.
        max_bad_rows: more lines of JSON that cannot be read are an error; None for half of them.
        notes: counts of the last complete pass (`malformed_lines`,
            `items_with_several_pictures`).
    """

    path: Path
    names: ColumnNames
    images: Path | None = None
    base: Path | None = None
    max_bad_rows: int | None = None
    notes: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[ItemRecord]:
        """Yield the rows in file order."""
        fields, bad, used = self.fields, BadRows(self.path, self.max_bad_rows), 0
        for number, row in self._rows(bad=bad):
            used += 1
            record = to_record(row, fields, self._image(row, fields), id_bits=self._id_bits)
            if not record.item_id:
                place = f"{'row' if self.kind == '.parquet' else 'line'} {number}"
                raise InputError(
                    f"{self.path}, {place}: the {fields['item_id']} is empty; expected a unique id in every row"
                )
            yield record
        bad.settle(used)
        if bad.count:
            self.notes["malformed_lines"] = bad.count
        if self._named is not None and self._named.several:
            self._named.say()
            self.notes["items_with_several_pictures"] = len(self._named.several)

    @cached_property
    def kind(self) -> str:
        """The format: the suffix without `.gz`."""
        name = self.path.name.lower().removesuffix(".gz")
        suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)
        if suffix is None:
            raise InputError(
                f"{self.path}: cannot tell the table's format; expected one of {', '.join(SUFFIXES)} (.gz may follow)"
            )
        return suffix

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The column names; for JSON lines every key of the file, in order of appearance."""
        try:
            if self.kind == ".parquet":
                return tuple(pq.read_schema(self.path).names)
            if self.kind in (".csv", ".tsv"):
                with open_text(self.path) as file:
                    return tuple(next(self._csv(file), (1, []))[1])
            return self._json_columns()
        except UnicodeDecodeError as error:
            raise not_text(self.path) from error
        except (OSError, ValueError, csv.Error) as error:
            raise InputError(f"{self.path} cannot be read as {self.kind}: {error}") from error

    def _json_columns(self) -> tuple[str, ...]:
        bad = BadRows(self.path, self.max_bad_rows)
        names = dict.fromkeys(key for _, row in self._json_rows(bad) for key in row)
        if bad.count and not names:
            raise InputError(f"{bad}; expected a JSON object a line")
        return tuple(names)

    @cached_property
    def fields(self) -> dict[str, str]:
        """Which column each field is read from."""
        if not self.columns:
            raise InputError(f"{self.path} is empty; expected a header line with column names")
        doubled = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if doubled:
            raise InputError(
                f"{self.path}: columns named twice: {', '.join(doubled)}; expected each name once"
            )
        return self.names.resolve(self.columns, origin=str(self.path))

    @property
    def extra(self) -> dict[str, pa.DataType]:
        """The columns that are no field, with the type they are stored in; text where there is no simpler one."""
        used = set(self.fields.values())
        types = (
            {field.name: field.type for field in pq.read_schema(self.path)} if self.kind == ".parquet" else {}
        )
        types |= dict.fromkeys(self._labels.names, pa.string())
        return {name: stored_type(types.get(name, pa.string())) for name in self.columns if name not in used}

    @cached_property
    def _id_bits(self) -> int:
        return (
            float_bits(pq.read_schema(self.path).field(self.fields["item_id"]).type)
            if self.kind == ".parquet"
            else 64
        )

    @cached_property
    def _labels(self) -> ClassLabels:
        return (
            ClassLabels.of_schema(pq.read_schema(self.path)) if self.kind == ".parquet" else ClassLabels({})
        )

    @property
    def identity(self) -> dict[str, Json]:
        """The table's content, its columns and its pictures' names and sizes."""
        own: dict[str, Json] = {"sha256": file_sha256(self.path), "columns": {**self.fields}}
        if "image" in self.fields:
            sizes = self._sizes_of_column(self.fields["image"])
        else:
            sizes = {} if self._named is None else _sizes(self._named.paths, self._named.folder)
        if sizes:
            own["images"] = fingerprint(sizes)
        return own

    def _sizes_of_column(self, column: str) -> dict[str, Json]:
        """Return the size of every local file that the column names; None where it is not there."""
        folder = self.images or self.base or self.path.parent
        paths = {as_image(row.get(column), folder).path for _, row in self._rows([column])}
        return _sizes((path for path in paths if path is not None), folder)

    @cached_property
    def _named(self) -> NamedPictures | None:
        return NamedPictures.of(self.images, PICTURES) if self.images is not None else None

    def _image(self, row: Mapping[str, object], fields: Mapping[str, str]) -> ImageRef:
        if "image" in fields:
            return as_image(row.get(fields["image"]), self.images or self.base or self.path.parent)
        if self._named is None:
            return ImageRef()
        return confined(ImageRef(path=self._named.find(as_id(row.get(fields["item_id"])))), self.images)

    def _rows(
        self, columns: Sequence[str] | None = None, bad: BadRows | None = None
    ) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield each row with its line, of Parquet its place, from 1.

        Of Parquet only these columns are read, where any are named.

        Lines of JSON that cannot be read are counted in `bad`.
        """
        try:
            if self.kind == ".parquet":
                yield from self._parquet_rows(columns)
            elif self.kind in (".csv", ".tsv"):
                yield from self._csv_rows()
            else:
                yield from self._json_rows(bad)
        except UnicodeDecodeError as error:
            raise not_text(self.path) from error
        except (OSError, ValueError, csv.Error) as error:
            raise InputError(f"{self.path} cannot be read to its end as {self.kind}: {error}") from error

    def _csv(self, file: TextIO) -> Iterator[tuple[int, list[str]]]:
        return csv_rows(file, "\t" if self.kind == ".tsv" else ",", strict=True)

    def _csv_rows(self) -> Iterator[tuple[int, Mapping[str, object]]]:
        with open_text(self.path) as file:
            lines = self._csv(file)
            _, header = next(lines, (1, []))
            for line, cells in lines:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise InputError(
                        f"{self.path}: line {line} has {len(cells)} cells, its header {len(header)}; "
                        "check quotes and separators"
                    )
                yield line, {name: cell or None for name, cell in zip(header, cells, strict=True)}

    def _json_rows(self, bad: BadRows | None = None) -> Iterator[tuple[int, Mapping[str, object]]]:
        bad = bad or BadRows(self.path, self.max_bad_rows)
        for number, line in enumerate(utf8_lines(self.path), start=1):
            if not line.strip():
                continue
            try:
                row = json_object(line.decode())
            except ValueError as error:
                bad.add(f"line {number}", error)
                continue
            if is_deep(row):
                bad.add(f"line {number}", f"nested too deeply, expected at most {DEEPEST} levels")
                continue
            yield number, row

    def _parquet_rows(self, columns: Sequence[str] | None) -> Iterator[tuple[int, Mapping[str, object]]]:
        with pq.ParquetFile(self.path) as file:
            batches = file.iter_batches(batch_size=256, columns=columns)
            parsed = (row for batch in batches for row in batch.to_pylist())
            yield from enumerate(map(self._labels.named, parsed), start=1)


def _sizes(paths: Iterable[Path], folder: Path) -> dict[str, Json]:
    """Return the size of every file by its path below a folder; None where it is not there."""
    return {readable(os.path.relpath(path, folder)): _size(path) for path in paths}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None  # not there, or no path at all: too long, or with what no path may hold


def stored_type(kind: pa.DataType) -> pa.DataType:
    """Return the type a source's own column is stored in: numbers and booleans as they are, the rest as text."""
    return kind if any(is_kept(kind) for is_kept in _KEPT) else pa.string()
