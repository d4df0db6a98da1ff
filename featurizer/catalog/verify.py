"""Is a catalog what its manifest says? Its parts, their rows, every picture against its hash, its interactions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from featurizer.catalog.schema import CORE, SEVERAL, has_several
from featurizer.catalog.store import FORMAT_VERSION, Catalog, part_path
from featurizer.catalog.stored_pictures import FIRST, problem_of_several
from featurizer.interactions.read import SCHEMA, SPLITS
from featurizer.interactions.store import FILE as INTERACTIONS
from featurizer.interactions.store import statistics
from featurizer.packed_ids import PackedIds
from featurizer.records import OK, Json
from featurizer.results.files import file_sha256
from featurizer.results.manifests.catalog import CatalogManifest, InteractionCounts
from featurizer.results.names import CATALOG
from featurizer.results.seal import SEAL
from featurizer.results.spelling import renamed
from featurizer.results.store_path import opened
from featurizer.results.whole import UNREADABLE, links, manifest_problems, strays


def verify_catalog(catalog: Catalog) -> list[str]:
    """Return what is wrong with a catalog's files, one sentence a problem; none says that it is whole."""
    folder, manifest = catalog.folder, catalog.manifest
    found = _Found(catalog)
    problems = list(links(folder, [CATALOG, "items", INTERACTIONS]))
    listed = {part_path(folder, place).relative_to(folder).as_posix() for place in range(manifest.parts)}
    problems += [f"{name} is not in the manifest" for name in strays(folder, "items", listed)]
    for path in catalog.parts:
        name = path.relative_to(folder).as_posix()
        problems += [f"{name}: {problem}" for problem in found.read(path, name)]
    problems += found.repeated()
    problems += found.against_the_manifest()
    problems += _interactions(folder / INTERACTIONS, manifest.interactions, found.ids)
    recorded = manifest.interactions is not None and manifest.interactions.sha256 is not None
    problems += _twice(manifest)
    own = manifest_problems(folder / CATALOG, FORMAT_VERSION, sealed=recorded)
    return problems + [f"{CATALOG}: {problem}" for problem in own]


def unrecorded(catalog: Catalog) -> list[str]:
    """Return what an earlier version did not record, so that it cannot be verified; nothing of today's catalogs."""
    told = []
    if catalog.manifest.manifest_sha256 is None:
        told.append(
            f"{CATALOG}: {SEAL} is not recorded; what is told once alone, such as the license, is believed"
        )
    if catalog.manifest.interactions is not None and catalog.manifest.interactions.sha256 is None:
        told.append(f"{CATALOG}: the sha256 of {INTERACTIONS} is not recorded; its counts stand for it")
    return told


def _twice(manifest: CatalogManifest) -> Iterator[str]:
    """Compare what a manifest says with the configuration in it."""
    said, config = manifest.document(), renamed(manifest.config)
    for name in ("source", "text_recipe"):
        if name in config and config[name] != said.get(name):
            yield f"{CATALOG}: {name} is not what its configuration says"


class _Found:
    """What the parts hold, counted as they are read."""

    def __init__(self, catalog: Catalog) -> None:
        self.manifest = catalog.manifest
        self.rows = self.with_text = 0
        self.statuses: Counter[str] = Counter()
        self.several, self.further = 0, Counter[str]()
        self.ids = PackedIds()
        self.ends: list[tuple[str, int]] = []
        self.missing: Counter[str] = Counter()
        self.data = hashlib.sha256()
        self.whole = True

    def read(self, path: Path, name: str) -> Iterator[str]:
        """Look at a part: its columns, its ids, and every picture; a row group is in memory at a time."""
        if path.is_symlink():
            yield "it is a link, expected a file"
        self.data.update(file_sha256(path).encode())
        try:
            with opened(path) as part, pq.ParquetFile(part) as file:
                problems = list(self._columns(file.schema_arrow))
                yield from problems
                for group in range(0 if problems else file.num_row_groups):
                    more = SEVERAL.names if has_several(file.schema_arrow) else []
                    rows = file.read_row_group(group, columns=["item_id", *FIRST, "text", *more])
                    rows.validate(full=True)
                    yield from self._rows(rows, name)
            self.ends.append((name, len(self.ids)))
        except UNREADABLE as error:
            self.whole = False
            yield f"it cannot be read: {' '.join(str(error).split()):.200}"

    def _columns(self, schema: pa.Schema) -> Iterator[str]:
        if schema.names != self.manifest.columns:
            self.whole = False
            yield f"its columns are {', '.join(schema.names)}; {CATALOG} says {', '.join(self.manifest.columns)}"
        for field in [*CORE, *(SEVERAL if self.manifest.images is not None else ())]:
            place = schema.get_field_index(field.name)
            if place < 0:
                yield f"column {field.name} is missing"
            elif schema.field(place).type != field.type:
                yield f"column {field.name} is {schema.field(place).type}, expected {field.type}"

    def _rows(self, rows: pa.Table, name: str) -> Iterator[str]:
        self.rows += rows.num_rows
        self.with_text += rows.num_rows - rows.column("text").null_count
        ids = rows.column("item_id").to_pylist()
        there = [item for item in ids if item]
        self.missing[name] += len(ids) - len(there)
        self.ids.add(there)
        for row in rows.drop_columns("text").to_pylist():
            self.statuses[str(row["image_status"])] += 1
            outcomes = row.get("image_outcomes")
            if outcomes is not None:
                self.several += 1
                self.further.update(one["status"] for one in outcomes[1:])
            problem = _picture(row) or problem_of_several(row)
            if problem is not None:
                yield f"item {row['item_id']}: {problem}"

    def repeated(self) -> Iterator[str]:
        """Say of each part how many of its ids are missing, or stand in it, or in one before it, already."""
        rows = self.ids.repeated()
        ends = np.searchsorted(rows, [end for _, end in self.ends])
        for (name, _), count in zip(self.ends, np.diff(ends, prepend=0).tolist(), strict=True):
            if count + self.missing[name]:
                yield f"{name}: {count + self.missing[name]} item ids are missing or appear more than once"

    def against_the_manifest(self) -> Iterator[str]:
        """Compare the counts over all parts with the manifest's."""
        manifest = self.manifest
        if self.data.hexdigest() != manifest.data_sha256:
            yield f"{CATALOG}: data_sha256 is not that of the parts"
        if not self.whole:
            return
        for name, found in (("rows", self.rows), ("with_text", self.with_text)):
            if found != getattr(manifest, name):
                yield f"{CATALOG}: {name} is {getattr(manifest, name)}, the parts hold {found}"
        if dict(self.statuses) != manifest.image_status:
            yield f"{CATALOG}: image_status is not what the parts hold"
        told = manifest.images
        if (self.several, self.further) != ((0, {}) if told is None else (told.items, told.further)):
            yield f"{CATALOG}: images is not what the parts hold"


def _picture(row: Mapping[str, object]) -> str | None:
    """Say what is wrong with an item's picture, None where nothing is."""
    image = row["image"]
    data = image["bytes"] if isinstance(image, dict) else None
    if (data is not None) != (row["image_status"] == OK):
        return (
            f"its picture is {'there' if data is not None else 'not there'}, its status {row['image_status']}"
        )
    if isinstance(data, bytes) and hashlib.sha256(data).hexdigest() != row["image_sha256"]:
        return "its picture is not the one whose sha256 is recorded"
    return None


def _interactions(path: Path, counts: InteractionCounts | None, ids: PackedIds) -> Iterator[str]:
    name = path.name
    if counts is None:
        if path.exists():
            yield f"{name} is there, though {CATALOG} tells of no interactions"
        return
    if not path.is_file():
        yield f"{name} is missing"
        return
    if counts.sha256 is not None and file_sha256(path) != counts.sha256:
        yield f"{name}: its sha256 differs from the manifest's"
    try:
        with opened(path) as file:
            frame = pl.read_parquet(file, columns=list(SCHEMA))
    except (OSError, pl.exceptions.PolarsError) as error:
        yield f"{name} cannot be read: {' '.join(str(error).split())}"
        return
    if dict(frame.schema) != dict(SCHEMA):
        yield f"{name}: its columns are not of the types that they must be"
        return
    found: dict[str, Json] = {**statistics(frame)}
    named = frame["item_id"].drop_nulls().unique().to_list()
    found["items_without_catalog_row"] = ids.lacking(named) + bool(frame["item_id"].null_count())
    said = counts.document()
    for field in found.keys() & said.keys():
        if said[field] != found[field]:
            yield f"{CATALOG}: interactions.{field} is {said[field]}, {name} holds {found[field]}"
    others = set(frame["split"].unique().to_list()) - {*SPLITS}
    if others:
        yield f"{name}: its splits are not only {', '.join(SPLITS)}"
