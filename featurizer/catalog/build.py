"""From any source to a catalog on disk: text rendered, pictures fetched, parts closed as their pictures come."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import featurizer
from featurizer.actors import Cluster
from featurizer.catalog.account import FETCHES, unverified
from featurizer.catalog.arrivals import Arrivals
from featurizer.catalog.changes import changes
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.journal import journal_path
from featurizer.catalog.old_catalog import WITHDRAWN, Gone, OldCatalog, kept_columns
from featurizer.catalog.part_worker import make_on_ray
from featurizer.catalog.parts import PartPlan, WithOld, write_parts
from featurizer.catalog.schema import catalog_schema, has_several
from featurizer.catalog.seen_ids import SeenIds
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import FORMAT_VERSION, PART_ROWS, Catalog, part_path
from featurizer.catalog.text import TextRecipe
from featurizer.errors import InputError
from featurizer.interactions.store import FILE as INTERACTIONS
from featurizer.progress import Report, silent
from featurizer.records import ItemRecord, Json
from featurizer.results.files import file_sha256
from featurizer.results.stage import Stage
from featurizer.results.store_path import opened

NO_ITEMS = "the source has no items; expected at least one. Check the file and its columns."
OWNED = ("items", FETCHES, INTERACTIONS, "source", "oracle", ".files.json")
"""What `download` and `ingest` write beside the manifest."""

Historian: TypeAlias = Callable[[Sequence[Path]], dict[str, Json]]
"""Writes the interactions beside the items, given the parts, and returns what the manifest says of them."""


def build_catalog(
    source: ItemSource,
    stage: Stage,
    *,
    recipe: TextRecipe,
    origin: Mapping[str, Json],
    fetcher: ImageFetcher,
    images: bool = True,
    part_rows: int = PART_ROWS,
    report: Report = silent,
    historian: Historian | None = None,
    old: OldCatalog | None = None,
    gone: Gone = "drop",
    cluster: Cluster | None = None,
) -> Catalog:
    """Write the catalog of `source` into the folder of a claimed `stage`, or finish the one begun there.

    Args:
        source: the items.
        stage: claimed.
        recipe: how the text is rendered.
        origin: what the manifest says of the source: name, URL, citation, license, ….
        fetcher: brings the pictures.
        images: False leaves every picture out (`image_status` is `none`).
        part_rows: items a part file.
        report: told how far it is.
        historian: writes the interactions, where there are any.
        old: the catalog that this one takes the place of: pictures that are still the same come from there.
        gone: whether its items that the source has no more are kept, marked as withdrawn.
        cluster: of Ray, whose workers make the parts of what is no update; None for this process.

    Raises:
        InputError: the source cannot be read, repeats an id, has an empty id, or has no items.
    """
    several = getattr(source, "several", False)
    extra = source.extra
    if gone == "keep":
        extra = kept_columns(extra, old)
        several = several or (old is not None and old.catalog.several)
    plan = PartPlan(
        source, stage.folder, recipe, catalog_schema(extra, several=images and several), images, part_rows
    )
    if cluster is not None and old is None:
        make_on_ray(plan, cluster, fetcher.options, report)
    arrivals = Arrivals(fetcher, report)
    parts = write_parts(plan, arrivals, _with_old(_unique(source), old, extra, gone))
    if not parts:
        raise InputError(NO_ITEMS)
    paths = [part_path(stage.folder, index) for index in range(parts)]
    for path in paths:
        journal_path(path).unlink(missing_ok=True)
    stage.finish(
        {
            "format_version": FORMAT_VERSION,
            "featurizer_version": featurizer.__version__,
            "source": dict(origin),
            "text_recipe": recipe.model_dump(),
            "parts": parts,
            **describe_parts(paths, arrivals.hashes),
            **(
                {}
                if old is None
                else {"update": {**changes(old.catalog, paths, recipe, gone), **unverified(paths)}}
            ),
            "notes": dict(getattr(source, "notes", {})),
            "mapping": dict(getattr(source, "mapping", {})),
            **(
                {"interactions": _interactions(historian, paths, stage.folder)}
                if historian is not None
                else {}
            ),
        }
    )
    return Catalog.open(stage.folder)


def _with_old(
    records: Iterator[ItemRecord],
    old: OldCatalog | None,
    extra: Mapping[str, pa.DataType],
    gone: Gone,
) -> Iterator[WithOld]:
    """Yield items with the pictures that they had, those that are gone last."""
    for record in records:
        if gone == "keep":
            record = replace(record, extra={**record.extra, WITHDRAWN: False})
        if old is not None:
            old.meet(record.item_id)
        yield record, [None if old is None else old.known(record.item_id, ref) for ref in record.images]
    if old is not None and gone == "keep":
        yield from old.gone(extra)


def _interactions(historian: Historian, parts: Sequence[Path], folder: Path) -> dict[str, Json]:
    return {**historian(parts), "sha256": file_sha256(folder / INTERACTIONS)}


def check_items(source: ItemSource) -> None:
    """Read a source to its end, pictures aside: before the catalog that it is to replace is removed.

    Raises:
        InputError: the source cannot be read, repeats an id, has an empty id, or has no items.
    """
    if not sum(1 for _ in _unique(source)):
        raise InputError(NO_ITEMS)


def describe_parts(paths: Iterable[Path], hashes: Mapping[Path, str]) -> dict[str, Json]:
    """Return rows, items by picture status, items with text, columns and one hash over all parts.

    Where items name several pictures, also how many do, and their pictures beside the first by status.

    Args:
        paths: the parts.
        hashes: the sha256 of those of which it is known already.
    """
    statuses: Counter[str] = Counter()
    further, several, items = Counter[str](), False, 0
    rows = with_text = 0
    digest = hashlib.sha256()
    columns: list[Json] = []
    for path in paths:
        with opened(path) as file:
            schema = pq.read_schema(file)
        columns, several = [*schema.names], has_several(schema)
        with opened(path) as file:
            table = pq.read_table(
                file, columns=["image_status", "text", *(["image_outcomes"] if several else [])]
            )
        rows += table.num_rows
        with_text += table.num_rows - table.column("text").null_count
        for entry in pc.value_counts(table.column("image_status")).to_pylist():
            statuses[entry["values"]] += entry["counts"]
        if several:
            named = pc.drop_null(table.column("image_outcomes"))
            items += len(named)
            further.update(one["status"] for each in named.to_pylist() for one in each[1:])
        digest.update((hashes.get(path) or file_sha256(path)).encode())
    by_status: dict[str, Json] = {name: statuses[name] for name in sorted(statuses)}
    return {
        "rows": rows,
        "columns": columns,
        "image_status": by_status,
        **({"images": {"items": items, "further": dict(sorted(further.items()))}} if several else {}),
        "with_text": with_text,
        "data_sha256": digest.hexdigest(),
    }


def _unique(source: ItemSource) -> Iterator[ItemRecord]:
    seen = SeenIds()
    for number, record in enumerate(source, start=1):
        if not record.item_id:
            raise InputError(f"item {number} has an empty id; expected a unique id in every row")
        if seen.add(record.item_id):
            _refuse_repeated(source, seen)
        yield record
    if seen.settle():
        _refuse_repeated(source, seen)


def _refuse_repeated(source: ItemSource, seen: SeenIds) -> None:
    """Look once more at the items whose hash came twice."""
    earlier = set[str]()
    for number, record in enumerate(source, start=1):
        if not seen.came_twice(record.item_id):
            continue
        if record.item_id in earlier:
            raise InputError(
                f"item id '{record.item_id}' appears twice (again in row {number}); expected unique ids. "
                "Remove the duplicates, or name the column that is unique with --item-id-column."
            )
        earlier.add(record.item_id)
