"""From any source to a catalog on disk: text rendered, pictures fetched, part by part, resumable."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import featurizer
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import (
    FORMAT_VERSION,
    PART_ROWS,
    Catalog,
    catalog_schema,
    part_path,
    part_writer,
    rows_to_table,
)
from featurizer.catalog.text import TextRecipe
from featurizer.errors import InputError
from featurizer.interactions.store import FILE as INTERACTIONS
from featurizer.progress import Progress, Report, silent
from featurizer.records import NONE, OK, FetchedImage, ImageRef, ItemRecord, Json
from featurizer.results.files import file_sha256
from featurizer.results.names import CATALOG
from featurizer.results.spelling import read_manifest
from featurizer.results.stage import Stage

FETCHED_ROWS = 250
"""So many items' pictures are in memory at once."""
NO_ITEMS = "the source has no items; expected at least one. Check the file and its columns."
OWNED = ("items", INTERACTIONS, "source", "oracle", ".files.json")
"""What `download` and `ingest` write beside the manifest."""


class _Tally:
    """Counts items as their pictures arrive, and reports."""

    def __init__(self, report: Report) -> None:
        self.report, self.done, self.failures = report, 0, 0

    def __call__(self, image: FetchedImage) -> None:
        self.failures += image.status not in (OK, NONE)
        self.skip(1)

    def skip(self, items: int) -> None:
        """Count items that need no picture any more."""
        self.done += items
        self.report(Progress("catalog", self.done, failures=self.failures))


Historian: TypeAlias = Callable[[set[str]], dict[str, Json]]
"""Writes the interactions beside the items, given every item id, and returns what the manifest says of them."""


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

    Raises:
        InputError: the source cannot be read, repeats an id, has an empty id, or has no items.
    """
    schema = catalog_schema(source.extra)
    ids: set[str] = set()
    pictures = _Tally(report)
    parts = 0
    for parts, records in enumerate(_chunks(_unique(source, ids), part_rows), start=1):
        path = part_path(stage.folder, parts - 1)
        if path.exists():
            pictures.skip(len(records))
            continue
        with part_writer(path, schema) as write:
            for some in _chunks(iter(records), FETCHED_ROWS):
                refs = [record.image if images else ImageRef() for record in some]
                write(rows_to_table(some, fetcher.fetch(refs, on_done=pictures), recipe, schema))
    if not parts:
        raise InputError(NO_ITEMS)
    stage.finish(
        {
            "format_version": FORMAT_VERSION,
            "featurizer_version": featurizer.__version__,
            "source": dict(origin),
            "text_recipe": recipe.model_dump(),
            "parts": parts,
            **describe_parts(part_path(stage.folder, index) for index in range(parts)),
            "notes": dict(getattr(source, "notes", {})),
            **(
                {"interactions": _interactions(historian, ids, stage.folder)} if historian is not None else {}
            ),
        }
    )
    return Catalog.open(stage.folder)


def _interactions(historian: Historian, ids: set[str], folder: Path) -> dict[str, Json]:
    return {**historian(ids), "sha256": file_sha256(folder / INTERACTIONS)}


def check_items(source: ItemSource) -> None:
    """Read a source to its end, pictures aside: before the catalog that it is to replace is removed.

    Raises:
        InputError: the source cannot be read, repeats an id, has an empty id, or has no items.
    """
    seen: set[str] = set()
    for _ in _unique(source, seen):
        pass
    if not seen:
        raise InputError(NO_ITEMS)


def describe_parts(paths: Iterable[Path]) -> dict[str, Json]:
    """Return rows, items by picture status, items with text, columns and one hash over all parts."""
    statuses: Counter[str] = Counter()
    rows = with_text = 0
    digest = hashlib.sha256()
    columns: list[Json] = []
    for path in paths:
        table = pq.read_table(path, columns=["image_status", "text"])
        columns = [*pq.read_schema(path).names]
        rows += table.num_rows
        with_text += table.num_rows - table.column("text").null_count
        for entry in pc.value_counts(table.column("image_status")).to_pylist():
            statuses[entry["values"]] += entry["counts"]
        digest.update(file_sha256(path).encode())
    by_status: dict[str, Json] = {name: statuses[name] for name in sorted(statuses)}
    return {
        "rows": rows,
        "columns": columns,
        "image_status": by_status,
        "with_text": with_text,
        "data_sha256": digest.hexdigest(),
    }


def _chunks(records: Iterator[ItemRecord], size: int) -> Iterator[list[ItemRecord]]:
    while chunk := list(islice(records, size)):
        yield chunk


def _unique(source: ItemSource, seen: set[str]) -> Iterator[ItemRecord]:
    for number, record in enumerate(source, start=1):
        if not record.item_id:
            raise InputError(f"item {number} has an empty id; expected a unique id in every row")
        if record.item_id in seen:
            raise InputError(
                f"item id '{record.item_id}' appears twice (again in row {number}); expected unique ids. "
                "Remove the duplicates, or name the column that is unique with --item-id-column."
            )
        seen.add(record.item_id)
        yield record


def retry_failed(catalog: Catalog, *, fetcher: ImageFetcher, report: Report = silent) -> Catalog:
    """Fetch again every picture that failed, and put those that now arrive into their rows.

    Parts are replaced one by one. A kill in between leaves an unfinished catalog, which the command that
    made it finishes.
    """
    before = read_manifest(catalog.folder / CATALOG)
    stage = Stage(catalog.folder, CATALOG, catalog.manifest.config, OWNED)
    stage.reopen()
    pictures = _Tally(report)
    for path in catalog.parts:
        failed = pc.invert(
            pc.is_in(pq.read_table(path, columns=["image_status"]).column(0), pa.array([OK, NONE]))
        )
        if pc.any(failed).as_py():
            _fetch_again(path, fetcher, pictures)
        else:
            pictures.skip(len(failed))
    stage.finish({**before, **describe_parts(catalog.parts)})
    return Catalog.open(catalog.folder)


def _fetch_again(path: Path, fetcher: ImageFetcher, pictures: _Tally) -> None:
    with pq.ParquetFile(path) as file, part_writer(path, file.schema_arrow) as write:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group).to_pylist()
            failed = [row for row in rows if row["image_status"] not in (OK, NONE)]
            images = fetcher.fetch([ImageRef(url=row["image_url"]) for row in failed], on_done=pictures)
            for row, image in zip(failed, images, strict=True):
                _update(row, image)
            pictures.skip(len(rows) - len(failed))
            write(pa.Table.from_pylist(rows, schema=file.schema_arrow))


def _update(row: dict[str, object], image: FetchedImage) -> None:
    """Put what the second try gave into a row; one that failed again keeps the reason it had."""
    before = row["attempts"]
    row["attempts"] = (before if isinstance(before, int) else 0) + image.attempts
    if image.status == OK:
        row |= {
            "image": {"bytes": image.data, "path": image.path},
            "image_status": OK,
            "image_sha256": image.sha256,
            "width": image.width,
            "height": image.height,
        }
