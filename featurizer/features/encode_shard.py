"""One shard's items through every encoder: pictures batch by batch as they are decoded, texts by length."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from featurizer.encoders.base import AnyEncoder, EncoderSpec, TextLoss, Vectors
from featurizer.encoders.starting import start_taken
from featurizer.errors import ShapeMismatch
from featurizer.features.clock import Clock
from featurizer.features.decoding import Decoding
from featurizer.features.options import StoredDtype
from featurizer.features.pictures import read_batches
from featurizer.features.prepare import Prepared
from featurizer.features.rows import ShardRows
from featurizer.values import counted

if TYPE_CHECKING:
    from featurizer.catalog.store import Catalog
    from featurizer.features.engines.engine import Tick

logger = logging.getLogger(__name__)

IN_FLIGHT = 1
"""Batches that are started and not yet fetched: a GPU computes one while the next is put together."""


def encode_shard(
    catalog: Catalog,
    encoders: Sequence[AnyEncoder],
    rows: Sequence[int],
    clock: Clock,
    tick: Tick,
    *,
    decoding: Decoding,
    batch_size: int,
    dtype: StoredDtype,
) -> ShardRows:
    """Encode the catalog's `rows` with every encoder.

    Args:
        catalog: the items.
        encoders: at least one.
        rows: of the shard, ascending.
        clock: told what the work took.
        tick: told how far it is.
        decoding: who decodes.
        batch_size: items an encoder sees at once.
        dtype: what vectors will be stored in; what is not finite in it is a failure.

    Returns:
        The shard: vectors (n, dim) float32 a space, zeros where `present` is False.
    """
    shard = _Shard(len(rows), encoders, dtype, clock, tick)
    seeing = [encoder for encoder in encoders if encoder.spec.modality != "text"]
    spaces = [encoder.spec.space for encoder in seeing]
    several = any(encoder.spec.images is not None for encoder in seeing)
    batches = read_batches(catalog, rows, spaces, decoding, clock, batch_size=batch_size, several=several)
    for batch in batches:
        shard.add(batch, seeing)
    for encoder in encoders:
        if encoder.spec.modality == "text":
            shard.add_texts(encoder, batch_size)
        if encoder.spec.modality != "image":
            shard.count_losses(encoder)
    return shard.finished()


@dataclass(frozen=True, slots=True)
class _Started:
    """A batch whose vectors are being computed.

    Attributes:
        spec: the encoder's.
        rows: of the shard, one a vector.
        vectors: waits for them.
        covered: how many of the shard's rows the batch settles, those without input included.
    """

    spec: EncoderSpec
    rows: np.ndarray
    vectors: Callable[[], Vectors]
    covered: int


class _Shard:
    """The arrays that a shard's batches fill."""

    def __init__(
        self, rows: int, encoders: Sequence[AnyEncoder], dtype: StoredDtype, clock: Clock, tick: Tick
    ) -> None:
        self.rows, self.dtype, self.clock, self.tick = rows, dtype, clock, tick
        self.ids: list[str] = []
        self.texts: list[str | None] = []
        self.errors: list[str | None] = []
        self.left_out: Counter[str] = Counter()
        self.has_image = np.zeros(rows, bool)
        dims = {encoder.spec.space: encoder.spec.dim for encoder in encoders}
        self.vectors = {space: np.zeros((rows, dim), np.float32) for space, dim in dims.items()}
        self.present = {space: np.zeros(rows, bool) for space in dims}
        self.losses: dict[str, list[TextLoss]] = {}
        self.encoded = 0
        self.started: deque[_Started] = deque()

    def add(self, batch: Sequence[Prepared], seeing: Sequence[AnyEncoder]) -> None:
        """Put the next items' rows down, and encode them with the encoders that see pictures."""
        start = len(self.ids)
        self.ids += [item.item_id for item in batch]
        self.texts += [item.text for item in batch]
        self.errors += ["; ".join(item.errors) or None for item in batch]
        self.left_out.update(reason for item in batch for reason in item.left_out)
        self.has_image[start : len(self.ids)] = [item.usable for item in batch]
        for encoder in seeing:
            space = encoder.spec.space
            rows = [start + place for place, item in enumerate(batch) if space in item.inputs]
            inputs = [batch[row - start].inputs[space] for row in rows]
            self._encode(encoder, inputs, np.array(rows, dtype=int), covered=len(batch))

    def add_texts(self, encoder: AnyEncoder, batch_size: int) -> None:
        """Encode the shard's texts, longest first so that a batch pads little."""
        texts = {row: text for row, text in enumerate(self.texts) if text is not None}
        order = sorted(texts, key=lambda row: (-len(texts[row]), row))
        self._advance(self.rows - len(order))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            inputs = [encoder.prepare(texts[row]) for row in rows]
            self._encode(encoder, inputs, np.array(rows, dtype=int), covered=len(rows))

    def count_losses(self, encoder: AnyEncoder) -> None:
        """Let an encoder that can say what it does not read of the shard's texts."""
        count = getattr(encoder, "losses", None)
        if count is not None:
            with self.clock.timing("count"):
                self.losses[encoder.spec.space] = list(
                    count([text for text in self.texts if text is not None])
                )

    def _encode(
        self, encoder: AnyEncoder, inputs: Sequence[object], rows: np.ndarray, *, covered: int
    ) -> None:
        if not inputs:
            self._advance(covered)
            return
        with self.clock.timing("encode"):
            started = start_taken(encoder, inputs)
        for place, error in started.refused.items():
            self._blame(rows[place], f"{encoder.spec.space}: encode_{type(error).__name__}")
        self.started.append(_Started(encoder.spec, rows[started.places], started.vectors, covered))
        self._fetch(IN_FLIGHT)

    def _fetch(self, left: int) -> None:
        """Put down the vectors of all batches but the `left` that were started last."""
        while len(self.started) > left:
            batch = self.started.popleft()
            with self.clock.timing("encode"):
                vectors = batch.vectors()
            self._put(batch.spec, batch.rows, vectors)
            self._advance(batch.covered)

    def _put(self, spec: EncoderSpec, rows: np.ndarray, vectors: Vectors) -> None:
        space = spec.space
        if vectors.shape != (len(rows), spec.dim):
            raise ShapeMismatch(
                f"{space}: vectors of shape {vectors.shape}, expected ({len(rows)}, {spec.dim})"
            )
        with np.errstate(over="ignore"):
            finite = np.isfinite(vectors.astype(self.dtype)).all(axis=1)
        self.vectors[space][rows[finite]] = vectors[finite]
        self.present[space][rows[finite]] = True
        for row in rows[~finite]:
            self._blame(row, f"{space}: nonfinite")

    def _blame(self, row: int, reason: str) -> None:
        self.errors[row] = "; ".join(filter(None, [self.errors[row], reason]))

    def _advance(self, rows: int) -> None:
        self.encoded += rows
        failures = sum(error is not None for error in self.errors)
        self.tick(self.encoded // len(self.vectors), failures)

    def finished(self) -> ShardRows:
        """Return the filled shard."""
        self._fetch(0)
        if self.left_out:
            logger.info(
                "%s left out of the means of their items: %s",
                counted(self.left_out.total(), "picture is", "pictures are"),
                ", ".join(f"{reason} {count}" for reason, count in sorted(self.left_out.items())),
            )
        has_text = np.array([text is not None for text in self.texts], dtype=bool)
        return ShardRows(
            self.ids, self.has_image, has_text, self.errors, self.vectors, self.present, self.losses
        )
