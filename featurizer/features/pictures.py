"""A catalog's rows, batch by batch, with their pictures decoded ahead on a pool of threads."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from PIL.Image import Image

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.catalog.store import Catalog
from featurizer.features.clock import Clock
from featurizer.records import NONE, OK

PREFETCH = 4
"""Batches that are decoded ahead of the one being encoded."""

Prepare: TypeAlias = Callable[[Image | None, str | None], object | None]
"""An item's picture and text to what one space's encoder takes; None where it has nothing to encode."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item as each space's encoder wants it.

    Attributes:
        item_id: the item.
        text: its text, None where it has none.
        usable: True when its picture could be decoded.
        inputs: the encoders' inputs by space; a space is missing where there is nothing to encode.
        errors: reasons, `image: truncated` or `clip_image: prepare_ValueError`.
        seconds: that decoding and preparing took.
    """

    item_id: str
    text: str | None
    usable: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    seconds: float = 0.0


def read_batches(
    catalog: Catalog,
    rows: Sequence[int],
    prepare: Mapping[str, Prepare],
    pool: ThreadPoolExecutor,
    clock: Clock,
    *,
    batch_size: int,
) -> Iterator[list[Prepared]]:
    """Yield the catalog's `rows` in order, read and decoded; memory is bounded by `PREFETCH` batches.

    Args:
        catalog: whose rows.
        rows: which, ascending.
        prepare: what each space makes of a picture and a text; empty reads no pictures.
        pool: the threads.
        clock: told what reading and decoding took.
        batch_size: items a batch.
    """
    window: deque[list[Future[Prepared]]] = deque()
    for values in _values(catalog, rows, clock, batch_size, pictures=bool(prepare)):
        window.append([pool.submit(_prepare, *item, prepare) for item in values])
        if len(window) > PREFETCH:
            yield _results(window.popleft(), clock)
    while window:
        yield _results(window.popleft(), clock)


def _values(
    catalog: Catalog, rows: Sequence[int], clock: Clock, size: int, *, pictures: bool
) -> Iterator[list[tuple[str, str | None, str, bytes | None]]]:
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


def _results(batch: list[Future[Prepared]], clock: Clock) -> list[Prepared]:
    items = [future.result() for future in batch]
    clock.add("decode", sum(item.seconds for item in items))
    return items


def _prepare(
    item_id: str, text: str | None, status: str, data: bytes | None, prepare: Mapping[str, Prepare]
) -> Prepared:
    if not prepare:
        return Prepared(item_id, text, usable=status == OK)
    start = time.perf_counter()
    picture, errors = _decoded(status, data)
    inputs: dict[str, object] = {}
    for space, function in prepare.items():
        try:
            value = function(picture, text)
        except Exception as error:  # noqa: BLE001  anybody's code on any picture: what it raises is the row's reason
            errors.append(f"{space}: prepare_{type(error).__name__}")
            continue
        if value is not None:
            inputs[space] = value
    seconds = time.perf_counter() - start
    return Prepared(item_id, text, picture is not None, inputs, tuple(errors), seconds)


def _decoded(status: str, data: bytes | None) -> tuple[Image | None, list[str]]:
    if status != OK:
        return None, [] if status == NONE else [f"image: {status}"]
    try:
        return decode(data or b""), []
    except UndecodableImage as failure:
        return None, [f"image: {failure.reason}"]
