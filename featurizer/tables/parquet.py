"""Parquet files, and the Arrow streams that `datasets` saves, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.errors import InputError
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.table import Row

BATCH_ROWS = 256


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file."""

    path: Path
    kind = ".parquet"
    unit = "row"
    allowed_bad: int | None = 0
    told: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pa.Schema:
        """The file's own."""
        try:
            return pq.read_schema(self.path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{self.path} cannot be read as {self.kind}: {error}") from error

    @property
    def columns(self) -> tuple[str, ...]:
        """The schema's names."""
        return tuple(self.schema.names)

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows, of these columns only where any are named."""
        wanted = None if columns is None else [name for name in columns if name in self.schema.names]
        try:
            with pq.ParquetFile(self.path) as file:
                batches = file.iter_batches(batch_size=BATCH_ROWS, columns=wanted)
                yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"{self.path} cannot be read to its end as {self.kind}: {error}") from error


@dataclass(frozen=True)
class ArrowTable:
    """A file of Arrow's stream format, as `Dataset.save_to_disk` writes them."""

    path: Path
    kind = ".arrow"
    unit = "row"
    allowed_bad: int | None = 0
    told: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pa.Schema:
        """The stream's own."""
        try:
            with pa.memory_map(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
                return stream.schema
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{self.path} cannot be read as {self.kind}: {error}") from error

    @property
    def columns(self) -> tuple[str, ...]:
        """The schema's names."""
        return tuple(self.schema.names)

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows, of these columns only where any are named."""
        wanted = [name for name in self.columns if columns is None or name in columns]
        try:
            with pa.memory_map(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
                parts = (
                    batch.select(wanted).slice(start, BATCH_ROWS)
                    for batch in stream
                    for start in range(0, batch.num_rows, BATCH_ROWS)
                )
                yield from enumerate((row for part in parts for row in part.to_pylist()), start=1)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"{self.path} cannot be read to its end as {self.kind}: {error}") from error
