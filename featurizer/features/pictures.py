"""A catalog's rows, batch by batch, with their pictures decoded ahead by workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from featurizer.features.clock import Clock
from featurizer.features.decoding import Decoding
from featurizer.features.prepare import Prepared, Row

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
) -> Iterator[list[Prepared]]:
    """Yield the catalog's `rows` in order, read and decoded; memory is bounded by `PREFETCH` batches.

    Args:
        catalog: whose rows.
        rows: which, ascending.
        spaces: what pictures are prepared for; with none, none is read.
        decoding: who decodes them.
        clock: told what reading and decoding took.
        batch_size: items a batch.
    """
    window: deque[list[Future[list[Prepared]]]] = deque()
    for values in _values(catalog, rows, clock, batch_size, pictures=bool(spaces)):
        starts = range(0, len(values), decoding.rows)
        window.append([decoding.submit(values[start : start + decoding.rows], spaces) for start in starts])
        if len(window) > PREFETCH:
            yield _results(window.popleft(), clock)
    while window:
        yield _results(window.popleft(), clock)


def _values(
    catalog: Catalog, rows: Sequence[int], clock: Clock, size: int, *, pictures: bool
) -> Iterator[list[Row]]:
    """Yield ids, texts, statuses and the pictures' bytes, `size` items at a time."""
    columns = ["item_id", "text", "image_status"]
    source = catalog.batches([*columns, *(["image"] if pictures else [])], rows, size=size)
    while True:
        with clock.timing("read"):
            table = next(source, None)
            if table is None:
                return
            values = [table.column(name).to_pylist() for name in columns]
            images = table.column("image").field("bytes").to_pylist() if pictures else [None] * len(table)
        yield list(zip(*values, images, strict=True))


def _results(batch: list[Future[list[Prepared]]], clock: Clock) -> list[Prepared]:
    items = [item for future in batch for item in future.result()]
    clock.add("decode", sum(item.seconds for item in items))
    return items
