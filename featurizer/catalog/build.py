"""From any source to a catalogue on disk: text rendered, pictures fetched, part by part, resumable."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import featurizer
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.source import ItemSource
from featurizer.catalog.store import (
    FORMAT_VERSION,
    MANIFEST,
    PART_ROWS,
    Catalog,
    catalog_schema,
    part_path,
    rows_to_table,
    write_part,
)
from featurizer.catalog.text import TextRecipe
from featurizer.errors import InputError
from featurizer.manifest import Stage, file_sha256
from featurizer.progress import Progress, Report, silent
from featurizer.records import NONE, OK, FetchedImage, ImageRef, ItemRecord, Json

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CatalogOptions:
    """How a catalogue is built.

    Attributes:
        recipe: how the text is rendered.
        origin: what the manifest says of the source: name, URL, citation, licence, ….
        images: False leaves every picture out (`image_status` is `none`).
        part_rows: items a part file.
        overwrite: replace what the folder holds.
    """

    recipe: TextRecipe = field(default_factory=TextRecipe)
    origin: Mapping[str, Json] = field(default_factory=dict)
    images: bool = True
    part_rows: int = PART_ROWS
    overwrite: bool = False


def build_catalog(
    source: ItemSource, out: Path, options: CatalogOptions, *, fetcher: ImageFetcher, report: Report = silent
) -> Catalog:
    """Write the catalogue of `source` into the folder `out`, or finish the one begun there.

    Raises:
        InputError: the source cannot be read, repeats an id, has an empty id, or has no items.
        StaleOutput: `out` holds the catalogue of another source or configuration.
    """
    stage = Stage(out, MANIFEST, _config(source, options))
    if stage.claim(overwrite=options.overwrite):
        logger.info("%s is finished already", out)
        return Catalog.open(out)
    schema = catalog_schema(source.extra)
    done, failures, index = 0, 0, 0
    for index, records in enumerate(_chunks(_unique(source), options.part_rows)):
        path = part_path(out, index)
        if not path.exists():
            images = fetcher.fetch([record.image if options.images else ImageRef() for record in records])
            write_part(path, rows_to_table(records, images, options.recipe, schema))
            failures += sum(image.status not in (OK, NONE) for image in images)
        done += len(records)
        report(Progress("catalogue", done, failures=failures))
    if not done:
        raise InputError("the source has no items; expected at least one. Check the file and its columns.")
    return finish_catalog(stage, index + 1, options, getattr(source, "notes", {}))


def finish_catalog(stage: Stage, parts: int, options: CatalogOptions, notes: Mapping[str, int]) -> Catalog:
    """Count what the parts hold and write `catalog.json`."""
    paths = [part_path(stage.folder, index) for index in range(parts)]
    stage.finish(
        {
            "format_version": FORMAT_VERSION,
            "featurizer_version": featurizer.__version__,
            "source": dict(options.origin),
            "text_recipe": options.recipe.model_dump(),
            "parts": parts,
            **describe_parts(paths),
            "notes": dict(notes),
        }
    )
    return Catalog.open(stage.folder)


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


def _config(source: ItemSource, options: CatalogOptions) -> dict[str, Json]:
    return {
        "source": dict(options.origin),
        "content": source.identity,
        "text_recipe": options.recipe.model_dump(),
        "images": options.images,
        "part_rows": options.part_rows,
    }


def _chunks(records: Iterator[ItemRecord], size: int) -> Iterator[list[ItemRecord]]:
    while chunk := list(islice(records, size)):
        yield chunk


def _unique(source: ItemSource) -> Iterator[ItemRecord]:
    seen: set[str] = set()
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

    Parts are replaced one by one. A kill in between leaves an unfinished catalogue, which the command that
    made it finishes.
    """
    config = catalog.manifest["config"]
    assert isinstance(config, dict)
    stage = Stage(catalog.folder, MANIFEST, config)
    stage.reopen()
    done = failures = 0
    for path in catalog.parts:
        table = pq.read_table(path)
        failed = [
            index
            for index, status in enumerate(table.column("image_status").to_pylist())
            if status not in (OK, NONE)
        ]
        urls = table.column("image_url").take(failed).to_pylist() if failed else []
        images = fetcher.fetch([ImageRef(url=url) for url in urls])
        arrived = {index: image for index, image in zip(failed, images, strict=True) if image.status != NONE}
        if arrived:
            write_part(path, _with_images(table, arrived))
        failures += sum(image.status != OK for image in arrived.values())
        done += table.num_rows
        report(Progress("pictures", done, catalog.rows, failures=failures))
    stage.finish({**catalog.manifest, **describe_parts(catalog.parts)})
    return Catalog.open(catalog.folder)


def _with_images(table: pa.Table, images: Mapping[int, FetchedImage]) -> pa.Table:
    rows = table.to_pylist()
    for index, image in images.items():
        rows[index] |= {
            "image": None if image.data is None else {"bytes": image.data, "path": image.path},
            "image_status": image.status,
            "image_sha256": image.sha256,
            "width": image.width,
            "height": image.height,
            "attempts": (rows[index]["attempts"] or 0) + image.attempts,
        }
    return pa.Table.from_pylist(rows, schema=table.schema)
