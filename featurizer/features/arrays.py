"""A feature set from vectors that are already there: an oracle, an import, another program's output."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from featurizer.discretion import public, throughout
from featurizer.errors import InputError, ShapeMismatch
from featurizer.features.clock import Clock
from featurizer.features.draft import FeatureSetDraft
from featurizer.features.engines.engine import Tick
from featurizer.features.feature_set import FeatureSet
from featurizer.features.options import SHARD_ROWS, StoredDtype
from featurizer.features.rows import ShardRows
from featurizer.features.schema import CORE
from featurizer.features.shards import ids_sha256
from featurizer.features.write import write_feature_set
from featurizer.records import Json
from featurizer.results.manifests.feature_set import SpaceProvenance
from featurizer.results.manifests.manifest import Origin, checked

BLOCK = 4096
"""Rows looked at at once."""
UNKNOWN: Mapping[str, Json] = {
    "family": "imported",
    "model": "unknown",
    "revision": None,
    "source": "vectors given as they are",
    "weight_hash": None,
    "pooling": "unknown",
    "normalized": False,
    "preprocessing": {},
    "license": None,
    "compute_dtype": "unknown",
}
"""What the manifest says of a space whose provenance says nothing of it."""


@dataclass(frozen=True, slots=True)
class ArraySpace:
    """One space given as vectors.

    Attributes:
        name: the column's name.
        modality: `image`, `text` or `both`.
        vectors: (n items, d dim), float.
        present: (n,) bool, False where the item has no vector; None when all have one.
        provenance: what is known of where the vectors come from.
    """

    name: str
    modality: str
    vectors: np.ndarray
    present: np.ndarray | None = None
    provenance: Mapping[str, Json] = field(default_factory=dict)


def write_arrays(
    out: Path,
    item_ids: Sequence[str],
    spaces: Sequence[ArraySpace],
    *,
    source: Mapping[str, Json] | None = None,
    dtype: StoredDtype = "float32",
    shard_rows: int = SHARD_ROWS,
    overwrite: bool = False,
) -> FeatureSet:
    """Write vectors as a feature set into the folder `out`.

    Args:
        out: the folder.
        item_ids: n ids, all different.
        spaces: their vectors.
        source: recorded (name, license, …).
        dtype: what vectors are stored in.
        shard_rows: items a shard.
        overwrite: replace what the folder holds.

    Raises:
        InputError: ids repeat, or there are none.
        ShapeMismatch: a space has another number of rows than there are ids.
        StaleOutput: `out` holds something else.
    """
    recorded = throughout(dict(source or {}), public)
    checked(Origin, recorded, origin="the source", cure="Correct it.")
    _check(item_ids, spaces, dtype)
    stored: dict[str, Json] = {"dtype": dtype, "shard_rows": shard_rows, "source": recorded}
    draft = FeatureSetDraft(
        rows=len(item_ids),
        dims={space.name: space.vectors.shape[1] for space in spaces},
        spaces={space.name: _described(space, dtype) for space in spaces},
        about={"source": recorded},
        config={**_contents(item_ids, spaces), **stored},
        dtype=dtype,
        shard_rows=shard_rows,
    )

    def make(rows: range, clock: Clock, tick: Tick) -> ShardRows:
        return _rows(item_ids, spaces, rows)

    return write_feature_set(out, draft, make, overwrite=overwrite)


def _check(item_ids: Sequence[str], spaces: Sequence[ArraySpace], dtype: StoredDtype) -> None:
    if not item_ids or len(set(item_ids)) != len(item_ids):
        raise InputError(
            f"{len(item_ids)} item ids, {len(set(item_ids))} of them different; expected at least one, all different"
        )
    for space in spaces:
        shape = space.vectors.shape
        if len(shape) != 2 or shape[0] != len(item_ids) or not shape[1]:
            raise ShapeMismatch(
                f"{space.name}: vectors of shape {shape}, expected ({len(item_ids)}, dim) with a dim of at least 1"
            )
        if space.name in CORE.names:
            raise InputError(f"a space cannot be called {space.name}: that is a column of every feature set")
        described = {**_described(space, dtype), "null": 0}
        checked(SpaceProvenance, described, origin=space.name, cure="Correct its provenance.")
        broken = sum(_not_finite(space, rows, dtype) for rows in _blocks(space))
        if broken:
            mend = " or, where the numbers are too large for it, store float32" if dtype == "float16" else ""
            raise InputError(
                f"{space.name}: {broken} rows hold NaN or infinity as {dtype}; expected finite numbers. "
                f"Mark rows that are no vectors as not present ('featurizer import --null-rows nan'){mend}"
            )


def _described(space: ArraySpace, dtype: StoredDtype) -> dict[str, Json]:
    return {
        "modality": space.modality,
        "dim": space.vectors.shape[1],
        "encoder": space.name,
        **UNKNOWN,
        **space.provenance,
        "dtype": dtype,
    }


def _blocks(space: ArraySpace) -> Iterator[slice]:
    """Yield the rows in blocks: vectors may lie on disk and be larger than the memory."""
    for start in range(0, len(space.vectors), BLOCK):
        yield slice(start, start + BLOCK)


def _not_finite(space: ArraySpace, rows: slice, dtype: StoredDtype) -> int:
    with np.errstate(over="ignore"):
        stored = space.vectors[rows][_present(space)[rows]].astype(dtype)
    return int((~np.isfinite(stored).all(axis=1)).sum())


def _sha256(space: ArraySpace) -> str:
    digest = hashlib.sha256()
    for rows in _blocks(space):
        digest.update(space.vectors[rows].tobytes())
    digest.update(_present(space).tobytes())
    return digest.hexdigest()


def _present(space: ArraySpace) -> np.ndarray:
    return np.ones(len(space.vectors), bool) if space.present is None else space.present.astype(bool)


def _of(spaces: Sequence[ArraySpace], side: str) -> list[ArraySpace]:
    """Return the spaces that say which items have a side: those of it alone, else those of both."""
    alone = [space for space in spaces if space.modality == side]
    return alone or [space for space in spaces if space.modality == "both"]


def _rows(item_ids: Sequence[str], spaces: Sequence[ArraySpace], part: range) -> ShardRows:
    rows = slice(part.start, part.stop)
    has = {
        side: np.any(
            [np.zeros(len(part), bool), *(_present(space)[rows] for space in _of(spaces, side))], axis=0
        )
        for side in ("image", "text")
    }
    return ShardRows(
        list(item_ids[rows]),
        has["image"],
        has["text"],
        [None] * len(part),
        {space.name: np.asarray(space.vectors[rows], np.float32) for space in spaces},
        {space.name: _present(space)[rows] for space in spaces},
    )


def _contents(item_ids: Sequence[str], spaces: Sequence[ArraySpace]) -> dict[str, Json]:
    contents: dict[str, Json] = {
        space.name: {
            "modality": space.modality,
            "shape": [*space.vectors.shape],
            "sha256": _sha256(space),
            "provenance": dict(space.provenance),
        }
        for space in spaces
    }
    return {
        "item_ids": ids_sha256(item_ids),
        "spaces": contents,
    }
