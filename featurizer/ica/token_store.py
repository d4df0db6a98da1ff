"""The token cache: what the frozen encoders say of a catalog, computed once, read in any order.

`tokens/` holds `tokens.json`, written last, and `shards/00000/` … (`token_shard` says how one is laid out).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from featurizer.catalog.store import Catalog
from featurizer.encoders.device import computing_threads, recorded_threads
from featurizer.encoders.libraries import library_versions
from featurizer.encoders.tokens import ImageTokenEncoder, TextTokenEncoder, TokenizedText, TokenSpec
from featurizer.errors import InputError
from featurizer.features.clock import Clock
from featurizer.features.decoding import InThreads
from featurizer.features.options import BATCH_SIZE
from featurizer.features.pictures import read_batches
from featurizer.features.prepare import OfPicture, Prepared
from featurizer.ica.batch import Batch, Outline, Texts, assembled, no_pictures, no_texts, padded
from featurizer.ica.token_shard import ShardTokens, TokenShard, is_finished, write_shard
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.names import TOKENS
from featurizer.results.stage import Stage

FORMAT_VERSION = 2
SHARD_ROWS = 512
MakeShards: TypeAlias = Callable[[Sequence[int], Callable[[int], None]], None]
"""Makes the shards of some indices, and tells how many items are done since it began."""


@dataclass(frozen=True, slots=True)
class TokenEncoders:
    """The two frozen encoders that feed the alignment, and what they and the alignment run on.

    Attributes:
        image: the vision encoder.
        text: the text encoder.
        device: a torch device.
        threads: that compute on the CPU; None for one a core.
    """

    image: ImageTokenEncoder
    text: TextTokenEncoder
    device: str = "cpu"
    threads: int | None = None


def spec_json(spec: TokenSpec) -> dict[str, Json]:
    """Return what a manifest records of a token encoder."""
    recorded: dict[str, Json] = json.loads(json.dumps({**asdict(spec), "pooled": spec.pooled.provenance()}))
    return recorded


@dataclass(frozen=True)
class TokenStore:
    """A finished cache; a `TokenSource`."""

    folder: Path
    image_spec: TokenSpec
    text_spec: TokenSpec
    shards: tuple[TokenShard, ...]

    @property
    def rows(self) -> int:
        """Number of items."""
        return sum(map(len, self.shards))

    def read(self, rows: Sequence[int]) -> Batch:
        """Return items in the order of `rows`, on the CPU."""
        pictures = no_pictures(self.image_spec, len(rows))
        texts = no_texts(self.text_spec, len(rows))
        for shard, places, inside in self._split(rows):
            pictures.image[places], pictures.pooled[places] = shard.pictures(inside)
            pictures.there[places] = shard.has_image[inside]
            texts.pooled[places] = shard.pooled_texts(inside)
            for place, text, states in zip(
                places, shard.texts(inside), shard.states_of_texts(inside), strict=True
            ):
                texts.tokenized[place], texts.states[place] = text, states
        return assembled(pictures, texts, self.text_spec)

    def outline(self, rows: Sequence[int]) -> Outline:
        """Return what `rows` have, without reading pictures."""
        has_image = np.zeros(len(rows), bool)
        for shard, places, inside in self._split(rows):
            has_image[places] = shard.has_image[inside]
        _, words, length = padded(self.read_texts(rows), 0)
        return Outline(torch.from_numpy(has_image), words, length)

    def ids_and_errors(self, rows: Sequence[int]) -> tuple[list[str], list[str | None]]:
        """Return the ids of `rows` and what went wrong with them."""
        ids = [""] * len(rows)
        errors: list[str | None] = [None] * len(rows)
        for shard, places, inside in self._split(rows):
            table = shard.table().take(inside)
            for place, item, error in zip(
                places, table.column("item_id").to_pylist(), table.column("error").to_pylist(), strict=True
            ):
                ids[place], errors[place] = item, error
        return ids, errors

    def item_ids(self, rows: Sequence[int]) -> list[str]:
        """Return the ids of `rows`."""
        return self.ids_and_errors(rows)[0]

    def read_texts(self, rows: Sequence[int]) -> list[TokenizedText | None]:
        """Return the texts of `rows`."""
        texts: list[TokenizedText | None] = [None] * len(rows)
        for shard, places, inside in self._split(rows):
            for place, text in zip(places, shard.texts(inside), strict=True):
                texts[place] = text
        return texts

    def _split(self, rows: Sequence[int]) -> Iterator[tuple[TokenShard, np.ndarray, np.ndarray]]:
        """Yield each shard that holds some of the rows: (shard, places in `rows`, rows of the shard)."""
        wanted = np.asarray(rows)
        starts = np.cumsum([0, *map(len, self.shards)])
        which = np.searchsorted(starts, wanted, side="right") - 1
        for index in np.unique(which):
            places = np.flatnonzero(which == index)
            yield self.shards[index], places, wanted[places] - starts[index]


def cache_tokens(
    catalog: Catalog,
    encoders: TokenEncoders,
    out: Path,
    *,
    overwrite: bool = False,
    report: Report = silent,
    make: MakeShards | None = None,
) -> TokenStore:
    """Run both frozen encoders over a catalog and keep their tokens in `out`; resumes by shard.

    Args:
        catalog: the items.
        encoders: both.
        out: the folder.
        overwrite: replace what it holds.
        report: told how far it is.
        make: makes the shards; None for this process.

    Raises:
        StaleOutput: `out` holds the tokens of another catalog or encoder.
        OutputError: the disk refused; finished shards are kept.
    """
    if not catalog.rows:
        raise InputError(f"{catalog.folder} has no items; expected at least one")
    specs = encoders.image.spec, encoders.text.spec
    stage = Stage(out, TOKENS, tokens_config(catalog, encoders), ("shards",))
    count = -(-catalog.rows // SHARD_ROWS)
    folders = [shard_folder(out, index) for index in range(count)]
    if not stage.claim(overwrite=overwrite):
        todo = [index for index, folder in enumerate(folders) if not is_finished(folder)]
        before = catalog.rows - sum(len(rows_of(catalog, index)) for index in todo)

        def tick(rows: int) -> None:
            report(Progress("tokens", before + rows, catalog.rows))

        tick(0)
        (make or partial(_make_here, catalog, encoders, out))(todo, tick)
        sizes = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
        stage.finish({"rows": catalog.rows, "bytes": sizes, "bytes_per_item": round(sizes / catalog.rows)})
    return TokenStore(out, *specs, tuple(TokenShard(folder, *specs) for folder in folders))


def tokens_config(catalog: Catalog, encoders: TokenEncoders) -> dict[str, Json]:
    """Return what the tokens of a catalog depend on."""
    specs = encoders.image.spec, encoders.text.spec
    return {
        "format_version": FORMAT_VERSION,
        "catalog": catalog.identity,
        "image": spec_json(specs[0]),
        "text": spec_json(specs[1]),
        "shard_rows": SHARD_ROWS,
        "device": encoders.device.split(":")[0],  # each of several processes has a GPU of its own
        "threads": recorded_threads(encoders.threads, encoders.device),
        "libraries": library_versions(spec.pooled.request for spec in specs),
    }


def shard_folder(out: Path, index: int) -> Path:
    """Return where a shard lies."""
    return out / "shards" / f"{index:05d}"


def rows_of(catalog: Catalog, index: int) -> range:
    """Return the rows of a shard."""
    return range(index * SHARD_ROWS, min((index + 1) * SHARD_ROWS, catalog.rows))


def _make_here(
    catalog: Catalog, encoders: TokenEncoders, out: Path, todo: Sequence[int], tick: Callable[[int], None]
) -> None:
    done = 0
    with shard_writer(catalog, encoders, out) as write:
        for index in todo:
            write(index, lambda rows, done=done: tick(done + rows))  # type: ignore[misc]
            done += len(rows_of(catalog, index))


@contextmanager
def shard_writer(
    catalog: Catalog, encoders: TokenEncoders, out: Path
) -> Iterator[Callable[[int, Callable[[int], None]], None]]:
    """Yield what makes a shard and writes it, and tells how many of its items it has encoded."""
    with (
        computing_threads(encoders.threads),
        ThreadPoolExecutor(min(8, os.cpu_count() or 1), "decode") as pool,
    ):
        decoding = InThreads(pool, {"image": OfPicture(encoders.image.prepare)})

        def write(index: int, tick: Callable[[int], None]) -> None:
            items: list[Prepared] = []
            encoded: list[tuple[np.ndarray, np.ndarray]] = []
            rows = rows_of(catalog, index)
            for batch in read_batches(catalog, rows, ["image"], decoding, Clock(), batch_size=BATCH_SIZE):
                usable, states, pooled = encode_pictures(encoders.image, batch)
                encoded.append((states, pooled))
                items += usable
                tick(len(items))
            write_shard(shard_folder(out, index), _shard(items, encoded, encoders.text, encoders.device))

        yield write


def encode_pictures(
    encoder: ImageTokenEncoder, batch: Sequence[Prepared]
) -> tuple[list[Prepared], np.ndarray, np.ndarray]:
    """Return the items, and ((m, p, d) float16 patches, (m, e) float32 pooled vectors) of the m with a picture.

    A picture whose tokens are not finite in float16 is taken from its item, with the reason: one of them would
    make every loss of its batch no number.
    """
    spec = encoder.spec
    inputs = [item.inputs["image"] for item in batch if "image" in item.inputs]
    if not inputs:
        return (
            list(batch),
            np.zeros((0, spec.max_tokens, spec.dim), np.float16),
            np.zeros((0, spec.pooled.dim), np.float32),
        )
    found = encoder.encode(inputs)
    states, pooled = found.states.half().cpu(), found.pooled.float().cpu()
    finite = torch.isfinite(states).flatten(1).all(dim=1) & torch.isfinite(pooled).all(dim=1)
    usable = iter(finite.tolist())
    items = [
        item if "image" not in item.inputs or next(usable) else _without_picture(item, spec.pooled.space)
        for item in batch
    ]
    return items, states[finite].numpy(), pooled[finite].numpy()


def _without_picture(item: Prepared, space: str) -> Prepared:
    return replace(item, inputs={}, errors=(*item.errors, f"{space}: nonfinite"))


def encode_texts(
    encoder: TextTokenEncoder, items: Sequence[Prepared], device: str
) -> tuple[list[Prepared], Texts]:
    """Return the items, and their texts as the encoder reads them; longest first, so that a batch pads little.

    A text whose states are not finite in float16 is taken from its item, with the reason, as a picture is.
    """
    spec, usable, texts = encoder.spec, list(items), no_texts(encoder.spec, len(items))
    there = [row for row, item in enumerate(items) if item.text is not None]
    found = encoder.tokenize([item.text for item in items if item.text is not None])
    tokenized = dict(zip(there, found, strict=True))
    order = sorted(there, key=lambda row: (-len(tokenized[row].ids), row))
    for start in range(0, len(order), BATCH_SIZE):
        rows = order[start : start + BATCH_SIZE]
        ids, _, length = padded([tokenized[row] for row in rows], spec.padding_id or 0)
        mask = torch.arange(ids.shape[1]) < length[:, None]
        encoded = encoder.encode(ids.to(device), mask.to(device))
        states, pooled = encoded.states.half().cpu().numpy(), encoded.pooled.float().cpu().numpy()
        for place, row in enumerate(rows):
            own = states[place, : length[place]]
            if np.isfinite(own).all() and np.isfinite(pooled[place]).all():
                texts.tokenized[row], texts.states[row] = tokenized[row], own.copy()
                texts.pooled[row] = pooled[place]
            else:
                reason = f"{spec.pooled.space}: nonfinite"
                usable[row] = replace(items[row], text=None, errors=(*items[row].errors, reason))
    return usable, texts


def _shard(
    items: Sequence[Prepared],
    encoded: Sequence[tuple[np.ndarray, np.ndarray]],
    encoder: TextTokenEncoder,
    device: str,
) -> ShardTokens:
    items, texts = encode_texts(encoder, items, device)
    return ShardTokens(
        [item.item_id for item in items],
        ["; ".join(item.errors) or None for item in items],
        np.array(["image" in item.inputs for item in items]),
        texts.tokenized,
        np.concatenate([states for states, _ in encoded]),
        np.concatenate([pooled for _, pooled in encoded]),
        [states for states in texts.states if states is not None],
        texts.pooled[[text is not None for text in texts.tokenized]],
    )
