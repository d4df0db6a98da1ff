"""A catalog's rows, batch by batch, with their pictures decoded ahead by workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pyarrow as pa

from featurizer.catalog.schema import SEVERAL
from featurizer.catalog.stored_pictures import named_pictures
from featurizer.features.clock import Clock
from featurizer.features.decoding import Decoding
from featurizer.features.prepare import Picture, Prepared, Row

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog

PREFETCH = 4
"""Batches that are decoded ahead of the one being encoded."""


def read_batches(
    catalog: Catalog,
    rows: Sequence[int],
    spaces: Collection[str],
    decoding: Decoding,
    clock: Clock,
    *,
    batch_size: int,
    several: bool = False,
) -> Iterator[list[Prepared]]:
    """Yield the catalog's `rows` in order, read and decoded; memory is bounded by `PREFETCH` batches.

    Args:
        catalog: whose rows.
        rows: which, ascending.
        spaces: what pictures are prepared for; with none, none is read.
        decoding: who decodes them.
        clock: told what reading and decoding took.
        batch_size: items a batch.
        several: whether all pictures of an item are read, or the first one.
    """
    window: deque[list[Future[list[Prepared]]]] = deque()
    columns = ["item_id", "text", "image_status"]
    if spaces:
        columns += ["image", *(SEVERAL.names if several and catalog.several else ())]
    for values in _values(catalog.batches(columns, rows, size=batch_size), clock):
        starts = range(0, len(values), decoding.rows)
        window.append([decoding.submit(values[start : start + decoding.rows], spaces) for start in starts])
        if len(window) > PREFETCH:
            yield _results(window.popleft(), clock)
    while window:
        yield _results(window.popleft(), clock)


def _values(source: Iterator[pa.RecordBatch], clock: Clock) -> Iterator[list[Row]]:
    """Yield ids, texts and pictures, a batch at a time."""
    while True:
        with clock.timing("read"):
            table = next(source, None)
            if table is None:
                return
            ids, texts = (table.column(name).to_pylist() for name in ("item_id", "text"))
            pictures = _pictures(table)
        yield list(zip(ids, texts, pictures, strict=True))


def _pictures(table: pa.RecordBatch) -> Iterable[Sequence[Picture]]:
    """Return each item's pictures, as far as the batch has columns of them; those that repeat another are left out."""
    statuses = table.column("image_status").to_pylist()
    there = "image" in table.schema.names
    bodies = table.column("image").field("bytes").to_pylist() if there else [None] * len(table)
    first = (((status, data),) for status, data in zip(statuses, bodies, strict=True))
    if "image_outcomes" not in table.schema.names:
        return first
    outcomes, images = (table.column(name).to_pylist() for name in ("image_outcomes", "images"))
    return [
        alone if named is None else named_pictures(named, came)
        for alone, named, came in zip(first, outcomes, images, strict=True)
    ]


def _results(batch: list[Future[list[Prepared]]], clock: Clock) -> list[Prepared]:
    items = [item for future in batch for item in future.result()]
    clock.add("decode", sum(item.seconds for item in items))
    return items
