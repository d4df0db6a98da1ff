"""Tokens computed when they are asked for: no cache on disk, the vision encoder runs again every epoch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from featurizer.catalog.store import Catalog
from featurizer.encoders.tokens import TokenizedText, TokenSpec
from featurizer.features.clock import Clock
from featurizer.features.decoding import InThreads
from featurizer.features.pictures import read_batches
from featurizer.features.prepare import OfPicture, Prepared
from featurizer.ica.batch import Batch, Outline, assembled, no_pictures, padded
from featurizer.ica.token_store import TokenEncoders, encode_pictures, encode_texts
from featurizer.records import OK

DECODED = 8
"""Pictures that are decoded at a time."""


@dataclass(frozen=True)
class OnTheFlyTokens:
    """A `TokenSource` over a catalog and two encoders; memory is one batch.

    Rows that follow one another are read together. A row by itself, as in a shuffled batch, costs the reading of
    its whole row group.
    """

    catalog: Catalog
    encoders: TokenEncoders

    @property
    def rows(self) -> int:
        """Number of items."""
        return self.catalog.rows

    @property
    def image_spec(self) -> TokenSpec:
        """What the patches are."""
        return self.encoders.image.spec

    @property
    def text_spec(self) -> TokenSpec:
        """What the word pieces are."""
        return self.encoders.text.spec

    @cached_property
    def _status(self) -> np.ndarray:
        tables = self.catalog.batches(["image_status"], size=4096)
        return np.concatenate(
            [table.column("image_status").to_numpy(zero_copy_only=False) == OK for table in tables]
        )

    def read(self, rows: Sequence[int]) -> Batch:
        """Return items in the order of `rows`, on the CPU."""
        items, states, pooled = encode_pictures(self.encoders.image, list(self._items(rows, pictures=True)))
        pictures = no_pictures(self.image_spec, len(rows))
        pictures.there[:] = ["image" in item.inputs for item in items]
        pictures.image[pictures.there], pictures.pooled[pictures.there] = states, pooled
        _, texts = encode_texts(self.encoders.text, items, self.encoders.device)
        return assembled(pictures, texts, self.text_spec)

    def outline(self, rows: Sequence[int]) -> Outline:
        """Return what `rows` have; a picture whose status is ok counts, though it may fail to decode."""
        _, words, length = padded(self.read_texts(rows), 0)
        return Outline(torch.from_numpy(self._status[np.asarray(rows)]), words, length)

    def ids_and_errors(self, rows: Sequence[int]) -> tuple[list[str], list[str | None]]:
        """Return the ids of `rows` and what went wrong with them."""
        # pictures are decoded for what goes wrong with them, and let go one by one
        told = [(item.item_id, item.errors) for item in self._items(rows, pictures=True)]
        return [item for item, _ in told], ["; ".join(errors) or None for _, errors in told]

    def item_ids(self, rows: Sequence[int]) -> list[str]:
        """Return the ids of `rows`, without decoding pictures."""
        return [item.item_id for item in self._items(rows, pictures=False)]

    def read_texts(self, rows: Sequence[int]) -> list[TokenizedText | None]:
        """Return the texts of `rows` alone."""
        return self._tokenized(list(self._items(rows, pictures=False)))

    def _items(self, rows: Sequence[int], *, pictures: bool) -> Iterator[Prepared]:
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1), "decode") as pool:
            decoding = InThreads(pool, {"image": OfPicture(self.encoders.image.prepare)})
            spaces = ["image"] if pictures else []
            for run in runs(rows):
                for batch in read_batches(self.catalog, run, spaces, decoding, Clock(), batch_size=DECODED):
                    yield from batch

    def _tokenized(self, items: Sequence[Prepared]) -> list[TokenizedText | None]:
        tokenized = iter(self.encoders.text.tokenize([item.text for item in items if item.text is not None]))
        return [None if item.text is None else next(tokenized) for item in items]


def runs(rows: Sequence[int]) -> Iterator[range]:
    """Yield stretches of consecutive rows that, end to end, are `rows`."""
    start = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place] != rows[place - 1] + 1:
            yield range(rows[start], rows[place - 1] + 1)
            start = place
