"""One shard of cached tokens on disk.

A folder with `items.parquet` (item_id, has_image, has_text, error, tokens), `states.f16` (one record a picture:
p · d float16), `pooled_image.f32` and `pooled_text.f32` (one record an item that has the modality), `ids.i32`,
`words.i32` and `text_states.f16` (texts end to end, g float16 a token), and `shard.json`, written last. Little-endian.
An item costs 2 · p · d bytes for its patches, 8 + 2 · g for each token of its text, and 4 for each entry of its pooled
vectors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from featurizer.encoders.tokens import TokenizedText, TokenSpec
from featurizer.errors import InputError
from featurizer.results.files import atomic_path, read_json, write_json

DONE, TABLE = "shard.json", "items.parquet"


@dataclass(frozen=True, slots=True)
class ShardTokens:
    """n items before they are written.

    Attributes:
        item_ids: n ids.
        errors: reasons, as in a feature set.
        has_image: (n,) bool.
        texts: None where there is no text.
        states: (m, p, d) float16, a row a picture, in item order.
        pooled_image: (m, e) float32.
        text_states: k arrays (t, g) float16, one a text.
        pooled_text: (k, f) float32, a row a text.
    """

    item_ids: Sequence[str]
    errors: Sequence[str | None]
    has_image: np.ndarray
    texts: Sequence[TokenizedText | None]
    states: np.ndarray
    pooled_image: np.ndarray
    text_states: Sequence[np.ndarray]
    pooled_text: np.ndarray


def write_shard(folder: Path, shard: ShardTokens) -> None:
    """Write a shard; a kill leaves it unfinished, and it is written again.

    Raises:
        OutputError: the disk refused.
    """
    texts = [text for text in shard.texts if text is not None]
    nothing = np.zeros(0, np.int32)
    arrays = {
        "states.f16": np.asarray(shard.states, "<f2"),
        "text_states.f16": np.concatenate(
            [np.zeros((0,), "<f2"), *map(np.ravel, shard.text_states)], dtype="<f2"
        ),
        "pooled_image.f32": np.asarray(shard.pooled_image, "<f4"),
        "pooled_text.f32": np.asarray(shard.pooled_text, "<f4"),
        "ids.i32": np.concatenate([text.ids for text in texts] or [nothing]).astype("<i4"),
        "words.i32": np.concatenate([text.words for text in texts] or [nothing]).astype("<i4"),
    }
    for name, array in arrays.items():
        with atomic_path(folder / name) as partial:
            array.tofile(partial)
    table = pa.table(
        {
            "item_id": pa.array(shard.item_ids, pa.string()),
            "has_image": pa.array(shard.has_image),
            "has_text": pa.array([text is not None for text in shard.texts]),
            "error": pa.array(shard.errors, pa.string()),
            "tokens": pa.array([0 if text is None else len(text.ids) for text in shard.texts], pa.int32()),
        }
    )
    with atomic_path(folder / TABLE) as partial:
        pq.write_table(table, partial)
    write_json(folder / DONE, {"rows": len(shard.item_ids)})


@dataclass(frozen=True, slots=True)
class Records:
    """A file of records of one size, read one by one, so that memory does not grow with the file.

    Attributes:
        path: the file.
        dtype: of the values, little-endian.
        shape: of one record.
    """

    path: Path
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes a record."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    def check(self, count: int) -> None:
        """Raise `InputError` when the file does not hold `count` records."""
        found = self.path.stat().st_size if self.path.exists() else 0
        if found != count * self.size:
            raise InputError(
                f"{self.path} has {found} bytes, expected {count * self.size} ({count} records of {self.shape} "
                f"{self.dtype}); delete {self.path.parent} and run the same command again"
            )

    def read(self, places: np.ndarray, there: np.ndarray) -> np.ndarray:
        """Return records (b, *shape), zeros where `there` (b,) is False."""
        out = np.zeros((len(places), *self.shape), self.dtype)
        with self.path.open("rb", buffering=0) as file:
            for row in np.flatnonzero(there):
                data = os.pread(file.fileno(), self.size, int(places[row]) * self.size)
                out[row] = np.frombuffer(data, self.dtype).reshape(self.shape)
        return out

    def run(self, file: int, start: int, stop: int) -> np.ndarray:
        """Return the records from `start` to `stop` (n, *shape) of the open file; they cannot be written to."""
        data = os.pread(file, (stop - start) * self.size, start * self.size)
        return np.frombuffer(data, self.dtype).reshape(-1, *self.shape)


class TokenShard:
    """A finished shard, opened for reading; what stays in memory is some 30 bytes an item."""

    def __init__(self, folder: Path, image: TokenSpec, text: TokenSpec) -> None:
        self.folder = folder
        read_json(folder / DONE)
        try:
            flags = pq.read_table(folder / TABLE, columns=["has_image", "has_text", "tokens"])
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(
                f"{folder} is damaged ({error}); delete it and run the same command again"
            ) from error
        self.has_image = flags.column("has_image").to_numpy()
        self.has_text = flags.column("has_text").to_numpy()
        self.offsets = np.concatenate([[0], np.cumsum(flags.column("tokens").to_numpy(), dtype=np.int64)])
        self.image_row, self.text_row = np.cumsum(self.has_image) - 1, np.cumsum(self.has_text) - 1
        self.states = Records(folder / "states.f16", "<f2", (image.max_tokens, image.dim))
        self.pooled_image = Records(folder / "pooled_image.f32", "<f4", (image.pooled.dim,))
        self.pooled_text = Records(folder / "pooled_text.f32", "<f4", (text.pooled.dim,))
        self.text_states = Records(folder / "text_states.f16", "<f2", (text.dim,))
        pictures, texts, tokens = int(self.has_image.sum()), int(self.has_text.sum()), int(self.offsets[-1])
        self.states.check(pictures)
        self.pooled_image.check(pictures)
        self.pooled_text.check(texts)
        self.text_states.check(tokens)
        for name in ("ids.i32", "words.i32"):
            Records(folder / name, "<i4", ()).check(tokens)

    def __len__(self) -> int:
        return len(self.has_image)

    def pictures(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ((b, p, d) float16 patches, (b, e) float32 pooled) of `rows`, zeros without a picture."""
        places, there = self.image_row[rows], self.has_image[rows]
        return self.states.read(places, there), self.pooled_image.read(places, there)

    def pooled_texts(self, rows: np.ndarray) -> np.ndarray:
        """Return the (b, f) float32 pooled vectors of `rows`, zeros without a text."""
        return self.pooled_text.read(self.text_row[rows], self.has_text[rows])

    def texts(self, rows: np.ndarray) -> list[TokenizedText | None]:
        """Return the texts of `rows`."""
        with (
            (self.folder / "ids.i32").open("rb", buffering=0) as ids,
            (self.folder / "words.i32").open("rb", buffering=0) as words,
        ):
            return [
                TokenizedText(self._ints(ids.fileno(), row), self._ints(words.fileno(), row))
                if self.has_text[row]
                else None
                for row in rows
            ]

    def states_of_texts(self, rows: np.ndarray) -> list[np.ndarray | None]:
        """Return the (t, g) float16 states of the texts of `rows`, None without a text."""
        with self.text_states.path.open("rb", buffering=0) as file:
            return [
                self.text_states.run(file.fileno(), int(self.offsets[row]), int(self.offsets[row + 1]))
                if self.has_text[row]
                else None
                for row in rows
            ]

    def _ints(self, file: int, row: int) -> NDArray[np.int32]:
        start, stop = int(self.offsets[row]), int(self.offsets[row + 1])
        return np.frombuffer(os.pread(file, 4 * (stop - start), 4 * start), "<i4").astype(np.int32)

    def table(self) -> pa.Table:
        """Return the shard's ids, flags and errors."""
        return pq.read_table(self.folder / TABLE)

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(path.stat().st_size for path in self.folder.iterdir())


def is_finished(folder: Path) -> bool:
    """Say whether a shard was written to its end."""
    try:
        return "rows" in json.loads((folder / DONE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
