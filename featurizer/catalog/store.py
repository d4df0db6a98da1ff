"""The catalog on disk: `items/part-*.parquet`, one row an item, and `catalog.json`, written last.

Rows keep the source's order. A picture is stored as received (struct `bytes`, `path`: the `Image` feature of
`datasets`, declared in the schema metadata so that `datasets` and the Hub's viewer show it). An item whose
picture failed is a row with null bytes and a reason in `image_status`.

Where any item names several pictures there are two columns more, null for every other item: `image_outcomes`, what
became of each in the order in which they are named, the first included; and `images`, the bytes of those that came, in
that order, each content once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import accumulate
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.schema import has_several
from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.files import atomic_path
from featurizer.results.manifests.catalog import CatalogManifest, read_catalog_manifest
from featurizer.results.names import CATALOG
from featurizer.results.store_path import opened, place

if TYPE_CHECKING:
    import polars as pl

FORMAT_VERSION = 1
PART_ROWS = 1000
ROW_GROUP_ROWS = 100
ROW_GROUP_BYTES = 64 * 2**20
"""Pictures of one row group, unless a single one has more: so much is in memory when it is written."""


def part_path(folder: Path, index: int) -> Path:
    """Return the path of part `index`."""
    return folder / "items" / f"part-{index:05d}.parquet"


@contextmanager
def part_writer(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Yield what appends row groups to one part; the part is renamed into place when the block ends well.

    Pictures are compressed already: they are stored as they are.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    others = [name for name, kind in leaves if not pa.types.is_binary(kind)]
    with (
        atomic_path(path) as partial,
        pq.ParquetWriter(
            partial,
            schema,
            compression={name: "zstd" if name in others else "none" for name, _ in leaves},
            use_dictionary=others,
            write_statistics=others,
        ) as file,
    ):
        yield lambda table: file.write_table(table, row_group_size=max(table.num_rows, 1))


def _leaves(name: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Yield the columns of a Parquet file that a column is stored in, named as Parquet names them."""
    if pa.types.is_struct(kind):
        for inner in kind:
            yield from _leaves(f"{name}.{inner.name}", inner.type)
    elif pa.types.is_list(kind):
        yield from _leaves(f"{name}.list.element", kind.value_type)
    else:
        yield name, kind


@dataclass(frozen=True)
class Catalog:
    """A finished catalog, opened for reading: `Catalog.open(folder)`."""

    folder: Path
    manifest: CatalogManifest
    parts: tuple[Path, ...]

    @classmethod
    def open(cls, folder: str | Path) -> Catalog:
        """Open a catalog folder.

        Raises:
            InputError: no such folder, no `catalog.json` (not a catalog, or an unfinished one), parts missing.
        """
        folder = place(folder)
        if not folder.is_dir():
            raise InputError(
                f"{folder} is no folder; expected a catalog made by 'featurizer ingest' or 'download'"
            )
        if not (folder / CATALOG).exists():
            unfinished = any(part_path(folder, 0).parent.glob("part-*"))
            cure = (
                "run the command that makes it again, to finish it"
                if unfinished
                else "make one with 'featurizer ingest'"
            )
            raise InputError(f"{folder} holds no {CATALOG}; expected a finished catalog: {cure}")
        manifest = read_catalog_manifest(folder / CATALOG)
        parts = tuple(part_path(folder, index) for index in range(manifest.parts))
        for path in parts:
            if not path.exists():
                raise InputError(
                    f"{path} is missing; {CATALOG} lists {len(parts)} parts. Make the catalog again."
                )
        return cls(folder, manifest, parts)

    @property
    def rows(self) -> int:
        """Number of items."""
        return self.manifest.rows

    def to_polars(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the items as a frame.

        Args:
            columns: only these; None for all but the pictures' bytes.
        """
        import polars as pl

        names = self._without_bytes if columns is None else list(columns)
        return pl.concat([pl.DataFrame(_read(part, names)) for part in self.parts])

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        return f"Catalog({self.folder}: {self.rows:,} items; {', '.join(self.schema.names)})"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self.folder))}</p>{self.to_polars()._repr_html_()}"

    @property
    def identity(self) -> dict[str, Json]:
        """What another stage puts into its fingerprint: this catalog's configuration and its content."""
        return {"fingerprint": self.manifest.fingerprint, "data_sha256": self.manifest.data_sha256}

    @property
    def schema(self) -> pa.Schema:
        """The schema of every part."""
        with _readable(self.parts[0]) as part:
            return pq.read_schema(part)

    @property
    def several(self) -> bool:
        """Whether any item names several pictures, so that there are the columns `images` and `image_outcomes`."""
        return has_several(self.schema)

    @property
    def _without_bytes(self) -> list[str]:
        schema = self.schema
        heavy = ("image", "images") if has_several(schema) else ("image",)
        return [name for name in schema.names if name not in heavy]

    def batches(
        self, columns: Sequence[str], rows: range | Sequence[int] | None = None, *, size: int = 256
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows in order, `size` at a time (the last fewer), whatever the parts.

        No more than these rows and one row group are in memory.

        Args:
            columns: which.
            rows: their numbers, ascending; None for all.
            size: rows at a time.
        """
        wanted = np.asarray(range(self.rows) if rows is None else rows, np.int64)
        held: list[pa.RecordBatch] = []
        for some in self._row_groups(columns, wanted):
            held.append(some)
            while sum(map(len, held)) >= size:
                table = pa.Table.from_batches(held).combine_chunks()
                yield table.slice(0, size).to_batches()[0]
                held = table.slice(size).to_batches()
        if sum(map(len, held)):
            yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]

    def _row_groups(self, columns: Sequence[str], wanted: np.ndarray) -> Iterator[pa.RecordBatch]:
        """Yield the wanted rows, a row group's at a time; groups that hold none are not read."""
        if not len(wanted):
            return
        first_part = max(bisect_right(self._starts, int(wanted[0])) - 1, 0)
        for path, offset in zip(self.parts[first_part:], self._starts[first_part:], strict=True):
            if offset > wanted[-1]:
                return
            with _readable(path) as part, pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    count = file.metadata.row_group(group).num_rows
                    first, last = np.searchsorted(wanted, [offset, offset + count])
                    inside = wanted[first:last] - offset
                    offset += count
                    if len(inside):
                        rows = file.read_row_group(group, columns=list(columns)).combine_chunks()
                        gapless = inside[-1] - inside[0] == len(inside) - 1
                        found = rows.slice(int(inside[0]), len(inside)) if gapless else rows.take(inside)
                        yield from found.to_batches()

    @cached_property
    def _starts(self) -> list[int]:
        """The number of each part's first row."""
        counts = []
        for path in self.parts:
            with _readable(path) as part:
                counts.append(pq.read_metadata(part).num_rows)
        return [0, *accumulate(counts)][:-1]

    def check_column(self, name: str) -> str:
        """Return `name`, or raise `InputError` with the columns that there are; the pictures themselves are none."""
        names = [field for field in self.schema.names if field != "image"]
        if name not in names:
            raise InputError(f"{self.folder} has no column '{name}'; it has {', '.join(names)}")
        return name

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column whole, in row order.

        Raises:
            InputError: there is no such column; the message lists those there are.
        """
        names = self._without_bytes
        if name not in names:
            raise InputError(f"{self.folder} has no column '{name}'; it has {', '.join(names)}")
        chunks: list[pa.Array] = []
        for path in self.parts:
            chunks += _read(path, [name]).column(name).chunks
        return pa.chunked_array(chunks)


def _read(path: Path, columns: list[str]) -> pa.Table:
    with _readable(path) as part:
        return pq.read_table(part, columns=columns)


@contextmanager
def _readable(path: Path) -> Iterator[Path | IO[bytes]]:
    try:
        with opened(path) as part:
            yield part
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{path} cannot be read: {error}. Make the catalog again, with --overwrite."
        ) from error
