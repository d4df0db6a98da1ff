"""Writing shards: each is renamed into place whole, then marked finished with its hash and its metadata."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from featurizer.features.draft import FeatureSetDraft
from featurizer.features.feature_set import shard_name
from featurizer.features.rows import ShardRows
from featurizer.features.schema import feature_schema, vectors_to_arrow
from featurizer.records import Json
from featurizer.results.files import atomic_path, file_sha256, read_json, write_json

MARKS = ".shards"


@dataclass(frozen=True, slots=True)
class ShardMetadata:
    """What the manifest says of one finished shard."""

    path: str
    rows: int
    bytes: int
    sha256: str
    with_image: int
    with_text: int
    failed: int
    item_ids: str
    null: Mapping[str, int]
    zero: Mapping[str, int]
    failures: Mapping[str, int]
    seconds: Mapping[str, float]
    texts_cut: Mapping[str, int] = field(default_factory=dict)
    texts_unknown: Mapping[str, int] = field(default_factory=dict)
    made_as: str = ""


_METADATA = TypeAdapter(ShardMetadata)


def finished_shards(
    folder: Path, indices: Iterable[int], draft: FeatureSetDraft
) -> list[ShardMetadata | None]:
    """Return of each shard what `finished_shard` does; what is not in the folders' listings is not asked for."""
    marks = {path.name for path in (folder / MARKS).iterdir()} if (folder / MARKS).is_dir() else set()
    return [
        finished_shard(folder, index, draft) if _mark(folder, index).name in marks else None
        for index in indices
    ]


def finished_shard(folder: Path, index: int, draft: FeatureSetDraft) -> ShardMetadata | None:
    """Return the metadata of shard `index` if it was written whole, and as part of such a set; else None."""
    mark = _mark(folder, index)
    if not mark.exists() or not (folder / shard_name(index, draft.shards)).exists():
        return None
    try:
        found = _METADATA.validate_python(read_json(mark))
    except ValidationError:  # another version's: the shard is made again
        return None
    return found if found.made_as == draft.fingerprint else None


def write_shard(
    folder: Path, index: int, draft: FeatureSetDraft, rows: ShardRows, seconds: Mapping[str, float]
) -> ShardMetadata:
    """Write shard `index` and mark it finished; the time it takes is added to `seconds` as `write`."""
    start = time.perf_counter()
    path = folder / shard_name(index, draft.shards)
    with atomic_path(path) as partial:
        # no two vectors share their numbers: a dictionary of these made a file a third larger, in four times as long
        pq.write_table(
            _table(rows, draft), partial, compression="zstd", row_group_size=1024, use_dictionary=["error"]
        )
        size, sha256 = partial.stat().st_size, file_sha256(partial)
    written = time.perf_counter() - start
    metadata = ShardMetadata(
        path=shard_name(index, draft.shards),
        rows=len(rows.item_ids),
        bytes=size,
        sha256=sha256,
        with_image=int(rows.has_image.sum()),
        with_text=int(rows.has_text.sum()),
        failed=sum(error is not None for error in rows.errors),
        item_ids=ids_sha256(rows.item_ids),
        null={space: int((~rows.present[space]).sum()) for space in draft.dims},
        zero={space: _zeros(rows, space, draft) for space in draft.dims},
        failures=count_failures(rows.errors),
        seconds={name: round(value, 3) for name, value in {**seconds, "write": written}.items()},
        texts_cut={space: sum(one.cut for one in found) for space, found in rows.losses.items()},
        texts_unknown={space: sum(one.unknown for one in found) for space, found in rows.losses.items()},
        made_as=draft.fingerprint,
    )
    write_json(_mark(folder, index), asdict(metadata))
    return metadata


def _table(rows: ShardRows, draft: FeatureSetDraft) -> pa.Table:
    schema = feature_schema(draft.dims, draft.dtype)
    core = zip((rows.item_ids, rows.has_image, rows.has_text, rows.errors), schema, strict=False)
    columns = [pa.array(column, type=field.type) for column, field in core]
    columns += [
        vectors_to_arrow(rows.vectors[space], rows.present[space], draft.dtype) for space in draft.dims
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _mark(folder: Path, index: int) -> Path:
    return folder / MARKS / f"{index:05d}.json"


def count_failures(errors: list[str | None]) -> dict[str, int]:
    """Count reasons; an item with two counts in both (`image: truncated; clip_text: nonfinite`)."""
    reasons = Counter(reason for error in errors if error for reason in error.split("; "))
    return {reason: reasons[reason] for reason in sorted(reasons)}


def shard_json(shard: ShardMetadata) -> dict[str, Json]:
    """Return what the manifest lists of a shard."""
    told = ("path", "rows", "bytes", "sha256", "item_ids")
    counts: dict[str, Json] = {"null": dict(shard.null), "zero": dict(shard.zero)}
    return {name: getattr(shard, name) for name in told} | counts


def ids_sha256(item_ids: Iterable[str]) -> str:
    """Return the sha256 of ids in their order, a line each."""
    return hashlib.sha256("\n".join(item_ids).encode()).hexdigest()


def _zeros(rows: ShardRows, space: str, draft: FeatureSetDraft) -> int:
    """Count the vectors of nothing but zeros, as they are stored."""
    stored = rows.vectors[space][rows.present[space]].astype(draft.dtype)
    return int((~stored.any(axis=1)).sum())
