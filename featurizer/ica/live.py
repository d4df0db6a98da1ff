"""Tokens computed when they are asked for: no cache on disk, the vision encoder runs again every epoch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from featurizer.catalog.store import Catalog
from featurizer.encoders.tokens import TokenizedText, TokenSpec
from featurizer.features.clock import Clock
from featurizer.features.pictures import Prepared, Reader
from featurizer.ica.items import Items, Outline, padded
from featurizer.ica.token_store import TokenEncoders, encode_pictures, encode_texts, image_preparer
from featurizer.records import OK


@dataclass(frozen=True)
class LiveTokens:
    """A `TokenSource` over a catalogue and two encoders; memory is one batch.

    Rows are read one by one, so the order of training costs no more than the order on disk.
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

    def read(self, rows: Sequence[int]) -> Items:
        """Return items in the order of `rows`, on the CPU."""
        items = self._items(rows, pictures=True)
        spec = self.image_spec
        has_image = np.array(["image" in item.inputs for item in items])
        image = np.zeros((len(rows), spec.max_tokens, spec.dim), np.float16)
        pooled_image = np.zeros((len(rows), spec.pooled.dim), np.float32)
        image[has_image], pooled_image[has_image] = encode_pictures(self.encoders.image, items)
        texts = self._tokenized(items)
        there = np.array([text is not None for text in texts])
        pooled_text = np.zeros((len(rows), self.text_spec.pooled.dim), np.float32)
        pooled_text[there] = encode_texts(
            self.encoders.text, [text for text in texts if text is not None], self.encoders.device
        )
        ids, words, length = padded(texts, self.text_spec.padding_id or 0)
        return Items(
            torch.from_numpy(image).float(),
            torch.from_numpy(has_image),
            ids,
            words,
            length,
            torch.from_numpy(pooled_image),
            torch.from_numpy(pooled_text),
        )

    def outline(self, rows: Sequence[int]) -> Outline:
        """Return what `rows` have; a picture whose status is ok counts, though it may fail to decode."""
        _, words, length = padded(self.read_texts(rows), 0)
        return Outline(torch.from_numpy(self._status[np.asarray(rows)]), words, length)

    def accounts(self, rows: Sequence[int]) -> tuple[list[str], list[str | None]]:
        """Return the ids of `rows` and what went wrong with them."""
        items = self._items(rows, pictures=True)
        return [item.item_id for item in items], ["; ".join(item.errors) or None for item in items]

    def read_texts(self, rows: Sequence[int]) -> list[TokenizedText | None]:
        """Return the texts of `rows` alone."""
        return self._tokenized(self._items(rows, pictures=False))

    def _items(self, rows: Sequence[int], *, pictures: bool) -> list[Prepared]:
        prepare = {"image": image_preparer(self.encoders.image)} if pictures else {}
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1), "decode") as pool:
            reader = Reader(self.catalog, prepare, pool, 1)
            found = [reader.batches(range(row, row + 1), Clock()) for row in rows]
            return [item for batches in found for batch in batches for item in batch]

    def _tokenized(self, items: Sequence[Prepared]) -> list[TokenizedText | None]:
        tokenized = iter(self.encoders.text.tokenize([item.text for item in items if item.text is not None]))
        return [None if item.text is None else next(tokenized) for item in items]
