"""One shard's items through every encoder: pictures batch by batch as they are decoded, texts by length."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from featurizer.catalog.decode import UndecodableImage, decode
from featurizer.catalog.store import Catalog
from featurizer.encoders.base import AnyEncoder, Modality
from featurizer.errors import ShapeMismatch
from featurizer.features.schema import StoredDtype
from featurizer.features.shards import ShardRows
from featurizer.records import NONE, OK

PREFETCH = 4
"""Batches that are decoded ahead of the one being encoded."""

Tick: TypeAlias = Callable[[int, int], None]
"""Called with (rows done, failures) of the shard."""


@dataclass(slots=True)
class Clock:
    """Seconds a stage of the work took, summed; `decode` over all its threads."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """Add the block's wall time to `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - start)

    def add(self, name: str, seconds: float) -> None:
        """Add to `name`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture as each image encoder wants it; not `usable` when the item has none or it cannot be decoded."""

    usable: bool = False
    inputs: Mapping[str, object] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: list[str]
    texts: list[str | None]
    pictures: list[Future[_Picture]]


@dataclass(frozen=True, slots=True)
class Work:
    """What stays the same from shard to shard: items, encoders (n of them), and the threads that decode."""

    catalog: Catalog
    encoders: Sequence[AnyEncoder]
    pool: ThreadPoolExecutor
    batch_size: int
    dtype: StoredDtype

    def of(self, modality: Modality) -> list[AnyEncoder]:
        """Return the encoders of one modality."""
        return [encoder for encoder in self.encoders if encoder.spec.modality == modality]


def encode_shard(work: Work, rows: range, clock: Clock, tick: Tick) -> ShardRows:
    """Encode the catalogue's `rows` with every encoder.

    Returns:
        The shard: vectors (n, dim) float32 a space, zeros where `present` is False.
    """
    imaging = work.of("image")
    shard = _Shard(len(rows), work, clock, tick)
    window: deque[_Batch] = deque()
    for batch in _batches(work, rows, imaging, clock):
        window.append(batch)
        if len(window) > PREFETCH:
            shard.add_pictures(window.popleft(), imaging)
    while window:
        shard.add_pictures(window.popleft(), imaging)
    for encoder in work.of("text"):
        shard.add_texts(encoder)
    return shard.finished()


def _batches(work: Work, rows: range, imaging: Sequence[AnyEncoder], clock: Clock) -> Iterator[_Batch]:
    columns = ["item_id", "text", "image_status", *(["image"] if imaging else [])]
    source = work.catalog.batches(columns, start=rows.start, stop=rows.stop, size=work.batch_size)
    while True:
        with clock.timing("read"):
            table = next(source, None)
            if table is None:
                return
            ids, texts = table.column("item_id").to_pylist(), table.column("text").to_pylist()
            statuses = table.column("image_status").to_pylist()
            images = table.column("image").field("bytes").to_pylist() if imaging else [None] * len(statuses)
        pictures = zip(images, statuses, strict=True)
        yield _Batch(
            ids, texts, [work.pool.submit(_picture, data, status, imaging) for data, status in pictures]
        )


def _picture(data: bytes | None, status: str, imaging: Sequence[AnyEncoder]) -> _Picture:
    if not imaging:
        return _Picture(usable=status == OK)
    if status != OK:
        return _Picture(errors=() if status == NONE else (f"image: {status}",))
    start = time.perf_counter()
    try:
        picture = decode(data or b"")
    except UndecodableImage as failure:
        return _Picture(errors=(f"image: {failure.reason}",), seconds=time.perf_counter() - start)
    inputs: dict[str, object] = {}
    errors: list[str] = []
    for encoder in imaging:
        try:
            inputs[encoder.spec.space] = encoder.prepare(picture)
        except Exception as error:  # noqa: BLE001  anybody's code on any picture: what it raises is the row's reason
            errors.append(f"{encoder.spec.space}: prepare_{type(error).__name__}")
    return _Picture(usable=True, inputs=inputs, errors=tuple(errors), seconds=time.perf_counter() - start)


class _Shard:
    """The arrays that a shard's batches fill."""

    def __init__(self, rows: int, work: Work, clock: Clock, tick: Tick) -> None:
        self.rows, self.work, self.clock, self.tick = rows, work, clock, tick
        self.ids: list[str] = []
        self.texts: list[str | None] = []
        self.errors: list[str | None] = []
        self.has_image = np.zeros(rows, bool)
        dims = {encoder.spec.space: encoder.spec.dim for encoder in work.encoders}
        self.vectors = {space: np.zeros((rows, dim), np.float32) for space, dim in dims.items()}
        self.present = {space: np.zeros(rows, bool) for space in dims}
        self.encoded = 0

    def add_pictures(self, batch: _Batch, imaging: Sequence[AnyEncoder]) -> None:
        """Encode a batch's pictures into the next rows."""
        pictures = [future.result() for future in batch.pictures]
        self.clock.add("decode", sum(picture.seconds for picture in pictures))
        start = len(self.ids)
        self.ids += batch.ids
        self.texts += batch.texts
        self.errors += ["; ".join(picture.errors) or None for picture in pictures]
        self.has_image[start : len(self.ids)] = [picture.usable for picture in pictures]
        for encoder in imaging:
            space = encoder.spec.space
            rows = [start + place for place, picture in enumerate(pictures) if space in picture.inputs]
            inputs = [pictures[row - start].inputs[space] for row in rows]
            self._encode(encoder, inputs, np.array(rows, dtype=int), covered=len(pictures))

    def add_texts(self, encoder: AnyEncoder) -> None:
        """Encode the shard's texts, longest first so that a batch pads little."""
        texts = {row: text for row, text in enumerate(self.texts) if text is not None}
        order = sorted(texts, key=lambda row: (-len(texts[row]), row))
        self._advance(self.rows - len(order))
        for start in range(0, len(order), self.work.batch_size):
            rows = order[start : start + self.work.batch_size]
            inputs = [encoder.prepare(texts[row]) for row in rows]
            self._encode(encoder, inputs, np.array(rows, dtype=int), covered=len(rows))

    def _encode(
        self, encoder: AnyEncoder, inputs: Sequence[object], rows: np.ndarray, *, covered: int
    ) -> None:
        space, dim = encoder.spec.space, encoder.spec.dim
        if inputs:
            with self.clock.timing("encode"):
                vectors = encoder.encode(inputs)
            if vectors.shape != (len(inputs), dim):
                raise ShapeMismatch(
                    f"{space}: vectors of shape {vectors.shape}, expected ({len(inputs)}, {dim})"
                )
            with np.errstate(over="ignore"):
                finite = np.isfinite(vectors.astype(self.work.dtype)).all(axis=1)
            self.vectors[space][rows[finite]] = vectors[finite]
            self.present[space][rows[finite]] = True
            for row in rows[~finite]:
                self.errors[row] = "; ".join(filter(None, [self.errors[row], f"{space}: nonfinite"]))
        self._advance(covered)

    def _advance(self, rows: int) -> None:
        self.encoded += rows
        failures = sum(error is not None for error in self.errors)
        self.tick(self.encoded // len(self.work.encoders), failures)

    def finished(self) -> ShardRows:
        """Return the filled shard."""
        has_text = np.array([text is not None for text in self.texts], dtype=bool)
        return ShardRows(self.ids, self.has_image, has_text, self.errors, self.vectors, self.present)
