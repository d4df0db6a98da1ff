"""Is a feature set what its manifest says? Hashes, schema, counts and values of its files, nothing believed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from featurizer.errors import FeaturizerError
from featurizer.features.feature_set import FORMAT_VERSION, FeatureSet, shard_name
from featurizer.features.schema import CORE, arrow_to_vectors, feature_schema
from featurizer.features.shards import count_failures, ids_sha256
from featurizer.features.supervised import SUPERVISED, read_supervised
from featurizer.features.verify_config import config_problems
from featurizer.packed_ids import PackedIds
from featurizer.results.files import file_sha256
from featurizer.results.manifests.feature_set import ShardEntry
from featurizer.results.names import FEATURE_SET
from featurizer.results.seal import SEAL
from featurizer.results.store_path import opened
from featurizer.results.whole import UNREADABLE, links, manifest_problems, strays


def verify(feature_set: FeatureSet) -> list[str]:
    """Return what is wrong with the files, one sentence a problem; an empty list says the set is whole."""
    folder, manifest = feature_set.folder, feature_set.manifest
    problems = [
        *links(folder, [FEATURE_SET, "data", SUPERVISED]),
        *_strays(feature_set),
        *_listed(feature_set),
    ]
    found = _Found(feature_set)
    for path, entry in zip(feature_set.shards, manifest.shards, strict=True):
        problems += [f"{entry.path}: {problem}" for problem in found.read(path, entry)]
    problems += found.repeated()
    problems += found.against_the_manifest()
    problems += _supervised(feature_set)
    problems += [
        f"{FEATURE_SET}: {problem}"
        for problem in (
            *config_problems(manifest),
            *manifest_problems(folder / FEATURE_SET, FORMAT_VERSION, sealed=_has_statistics(feature_set)),
        )
    ]
    return problems


def unrecorded(feature_set: FeatureSet) -> list[str]:
    """Return what an earlier version did not record, so that it cannot be verified; nothing of today's sets."""
    told = []
    if feature_set.manifest.manifest_sha256 is None:
        told.append(
            f"{FEATURE_SET}: {SEAL} is not recorded; what is told once alone, such as the license, is believed"
        )
    if not _has_statistics(feature_set):
        told.append(
            f"{FEATURE_SET}: ids, nulls and zero vectors of each shard are not recorded; its sha256 stands for them"
        )
    return told


def _has_statistics(feature_set: FeatureSet) -> bool:
    return any(entry.item_ids is not None for entry in feature_set.manifest.shards)


def _strays(feature_set: FeatureSet) -> Iterator[str]:
    listed = {entry.path for entry in feature_set.manifest.shards}
    yield from (f"{name} is not in the manifest" for name in strays(feature_set.folder, "data", listed))


def _listed(feature_set: FeatureSet) -> Iterator[str]:
    """Compare the manifest's list of shards with the names that so many shards have."""
    listed = [entry.path for entry in feature_set.manifest.shards]
    expected = [shard_name(place, len(listed)) for place in range(len(listed))]
    if listed != expected:
        yield f"{FEATURE_SET} lists {', '.join(listed[:3])} …, expected {', '.join(expected[:3])} …"
    if not listed:
        yield f"{FEATURE_SET} lists no shard, expected at least one"


class _Found:
    """What the shards hold, counted as they are read."""

    def __init__(self, feature_set: FeatureSet) -> None:
        self.manifest = feature_set.manifest
        self.rows = self.with_image = self.with_text = self.failed = 0
        self.failures: Counter[str] = Counter()
        self.null = dict.fromkeys(self.manifest.spaces, 0)
        self.seen = PackedIds()
        self.ends: list[tuple[str, int]] = []
        self.ids = hashlib.sha256()

    def read(self, path: Path, entry: ShardEntry) -> Iterator[str]:
        """Look at a shard: at its bytes, then at its rows."""
        if path.is_symlink():
            yield "it is a link, expected a file"
        if not path.is_file():
            yield "it is missing"
            return
        if path.stat().st_size != entry.bytes:
            yield f"it holds {path.stat().st_size:,} bytes, the manifest says {entry.bytes:,}"
        if file_sha256(path) != entry.sha256:
            yield "its sha256 differs from the manifest's"
        try:
            with opened(path) as file:
                table = pq.read_table(file)
            table.validate(full=True)
        except UNREADABLE as error:
            yield f"it cannot be read: {' '.join(str(error).split()):.200}"
            return
        if table.num_rows != entry.rows:
            yield f"it holds {table.num_rows} rows, the manifest says {entry.rows}"
        yield from self._schema(table.schema)
        yield from self._core(table, entry)
        yield from self._spaces(table, entry)

    def _schema(self, found: pa.Schema) -> Iterator[str]:
        spaces = self.manifest.spaces
        dtypes = [spec.dtype for spec in spaces.values()]
        expected = feature_schema(
            {name: spec.dim for name, spec in spaces.items()}, dtypes[0] if dtypes else "float32"
        )
        for field in expected:
            if found.get_field_index(field.name) < 0:
                yield f"column {field.name} is missing, or stands there twice"
            elif found.field(field.name).type != field.type:
                yield f"column {field.name} is {found.field(field.name).type}, expected {field.type}"
        extra = [name for name in found.names if name not in expected.names]
        if extra:
            yield f"it has columns that the manifest does not know: {', '.join(extra[:5])}"
        elif found.names != expected.names:
            yield f"its columns are {', '.join(found.names)}, expected {', '.join(expected.names)}"
        elif (found.metadata or {}).get(b"huggingface") != (expected.metadata or {})[b"huggingface"]:
            yield "what it says of its own columns ('huggingface' in its metadata) is not what they are"

    def _core(self, table: pa.Table, entry: ShardEntry) -> Iterator[str]:
        if any(table.schema.get_field_index(field.name) < 0 for field in CORE):
            return
        if [table.schema.field(field.name).type for field in CORE] != [field.type for field in CORE]:
            return
        for field in CORE:
            if not field.nullable and table.column(field.name).null_count:
                yield f"column {field.name} has {table.column(field.name).null_count} nulls, expected none"
                return
        ids = table.column("item_id").to_pylist()
        yield from self._item_ids(ids, entry)
        self.rows += table.num_rows
        self.with_image += pc.sum(table.column("has_image")).as_py() or 0
        self.with_text += pc.sum(table.column("has_text")).as_py() or 0
        errors = table.column("error").to_pylist()
        self.failed += sum(error is not None for error in errors)
        self.failures.update(count_failures(errors))

    def _item_ids(self, ids: list[str], entry: ShardEntry) -> Iterator[str]:
        if "" in ids:
            yield "an item id is empty"
        if entry.item_ids is not None and ids_sha256(ids) != entry.item_ids:
            yield "its item ids, or their order, are not those that the manifest records"
        self.ids.update(("\n" if len(self.seen) else "").encode() + "\n".join(ids).encode())
        self.seen.add(ids)
        self.ends.append((entry.path, len(self.seen)))

    def _spaces(self, table: pa.Table, entry: ShardEntry) -> Iterator[str]:
        for space, spec in self.manifest.spaces.items():
            place = table.schema.get_field_index(space)
            kind = table.schema.field(place).type if place >= 0 else None
            if kind is None or not pa.types.is_fixed_size_list(kind) or kind.list_size != spec.dim:
                continue
            if not pa.types.is_floating(kind.value_type):
                continue
            if pc.any(table.column(space).combine_chunks().flatten().is_null()).as_py():
                yield f"{space}: numbers are null inside vectors, expected whole vectors or none"
                continue
            vectors, present = arrow_to_vectors(table.column(space))
            null, zero = int((~present).sum()), int((~vectors[present].any(axis=1)).sum())
            self.null[space] += null
            for what, counted, recorded in (("null", null, entry.null), ("all zeros", zero, entry.zero)):
                if recorded is not None and recorded.get(space) != counted:
                    said = recorded.get(space, "nothing")
                    yield f"{space}: {counted} vectors are {what}, the manifest says {said}"
            nonfinite = int((~np.isfinite(vectors[present]).all(axis=1)).sum())
            if nonfinite:
                yield f"{space}: {nonfinite} rows hold NaN or infinity"
            yield from self._without_input(table, space, present)

    def _without_input(self, table: pa.Table, space: str, present: np.ndarray) -> Iterator[str]:
        """Say of how many items there is a vector though they had nothing that it could be made from."""
        reads = self.manifest.spaces[space].modality
        flags = ("has_image", "has_text") if reads == "both" else (f"has_{reads}",)
        if any(table.schema.get_field_index(flag) < 0 for flag in flags):
            return
        columns = [table.column(flag) for flag in flags]
        if any(column.type != pa.bool_() or column.null_count for column in columns):
            return
        without = int((present & ~np.any([column.to_numpy() for column in columns], axis=0)).sum())
        if without:
            names = " and ".join(flags)
            yield f"{space}: {without} rows have a vector though {names} {'are' if len(flags) > 1 else 'is'} false"

    def repeated(self) -> Iterator[str]:
        """Say of each shard how many of its ids stand in it, or in one before it, already."""
        rows = self.seen.repeated()
        ends = np.searchsorted(rows, [end for _, end in self.ends])
        for (path, _), count in zip(self.ends, np.diff(ends, prepend=0).tolist(), strict=True):
            if count:
                yield f"{path}: {count} item ids appear more than once"

    def against_the_manifest(self) -> Iterator[str]:
        """Compare the counts over all shards with the manifest's."""
        manifest = self.manifest
        for name in ("rows", "with_image", "with_text", "failed"):
            counted, said = getattr(self, name), getattr(manifest, name)
            if counted != said:
                yield f"{FEATURE_SET}: {name} is {said}, the shards hold {counted}"
        if dict(self.failures) != manifest.failures:
            yield (
                f"{FEATURE_SET}: failures is {_counts(manifest.failures)}, the shards hold {_counts(self.failures)}"
            )
        for space, spec in manifest.spaces.items():
            if self.null[space] != spec.null:
                yield f"{FEATURE_SET}: {space}: null is {spec.null}, the shards hold {self.null[space]}"
        recorded = manifest.config.get("item_ids")
        if isinstance(recorded, str) and self.ids.hexdigest() != recorded:
            yield f"{FEATURE_SET}: the item ids are not those that the set was made of"


def _counts(failures: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(failures.items())) or "none"


def _supervised(feature_set: FeatureSet) -> Iterator[str]:
    """Compare the list of items that taught a space with what the manifest says of it."""
    told = [spec.supervised for spec in feature_set.spaces.values() if spec.supervised is not None]
    path = feature_set.folder / SUPERVISED
    if not told and path.exists():
        yield f"{SUPERVISED} is there, though no space was taught by interactions"
    if not told:
        return
    try:
        items = read_supervised(path)
    except FeaturizerError as error:
        yield f"{SUPERVISED}: {error}"
        return
    recorded = feature_set.manifest.files.get(SUPERVISED)
    if recorded is not None and file_sha256(path) != recorded:
        yield f"{SUPERVISED}: its sha256 differs from the manifest's"
    yield from _taught(items, [one.items for one in told])


def _taught(items: Iterable[str | None], counts: list[int]) -> Iterator[str]:
    listed = list(items)
    if None in listed or len(set(listed)) != len(listed):
        yield f"{SUPERVISED}: ids are missing or repeated, expected each item once"
    fits = len(listed) == counts[0] if len(counts) == 1 else max(counts) <= len(listed) <= sum(counts)
    if not fits:
        said = ", ".join(map(str, counts))
        yield f"{SUPERVISED} lists {len(listed)} items, the manifest says {said}"
