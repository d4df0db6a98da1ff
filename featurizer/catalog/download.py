"""A dataset of the manifest to a catalog: files fetched, interactions made dense and split, items built."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path
from typing import cast

import polars as pl

from featurizer import registry
from featurizer.actors import Cluster
from featurizer.catalog.build import OWNED, build_catalog
from featurizer.catalog.datasets import DatasetEntry
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.interactions import SplitOptions, collect, write_known_interactions
from featurizer.catalog.lines import LineSource
from featurizer.catalog.retry_failed import retry_failed
from featurizer.catalog.source import SourceFormat
from featurizer.catalog.source_files import SourceFiles, addresses, described, own_images, part, source_files
from featurizer.catalog.store import Catalog
from featurizer.catalog.text import TextRecipe
from featurizer.discretion import public, throughout
from featurizer.errors import StaleOutput
from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.results.files import read_json, remove_tree, write_json
from featurizer.results.names import CATALOG
from featurizer.results.stage import Stage, differing_keys

logger = logging.getLogger(__name__)

FILES = ".files.json"
"""Which source files a catalog is parsed from, noted before its first part."""


def download(
    name: str,
    entry: DatasetEntry,
    out: Path,
    *,
    split: SplitOptions,
    fetcher: ImageFetcher,
    all_items: bool = False,
    images: bool = True,
    max_images: int = 1,
    cache: Path | None = None,
    max_bad_rows: int | None = None,
    overwrite: bool = False,
    retry: bool = False,
    cluster: Cluster | None = None,
    report: Report = silent,
) -> Catalog:
    """Make the catalog of a dataset, with `interactions.parquet` beside its items where it has interactions.

    Args:
        name: the dataset's.
        entry: what the manifest says of it.
        out: the folder.
        split: k-core, split method and seed of the interactions.
        fetcher: brings the pictures.
        all_items: also items outside the k-core.
        images: False leaves the pictures where they are.
        max_images: pictures that an item keeps of those it names.
        cache: where downloaded files are kept, so that another k-core needs no second download.
        max_bad_rows: more lines of a file that cannot be read are an error; None for half of them.
        overwrite: replace what the folder holds.
        retry: ask once more for the pictures that failed.
        cluster: of Ray, whose workers fetch the pictures of what is no update; None for this process.
        report: told how far it is.

    Raises:
        DownloadError: a source file cannot be fetched; what arrived is kept.
        StaleOutput: `out` holds another dataset or other options.
    """
    asked: dict[str, Json] = {"images": images, **({"max_images": max_images} if max_images > 1 else {})}
    if entry.has_interactions:
        asked |= {**split.as_json(), "all_items": all_items}
    stage = Stage(out, CATALOG, _config(name, entry, asked), OWNED)
    finished = stage.claim(overwrite=overwrite)
    if finished and not retry:
        return Catalog.open(out)
    folder = out / "source" if entry.drawn else (cache or default_cache()) / name
    files = source_files(entry, folder, report)
    stated = described(entry, files, out)
    if not finished:
        _refuse_changed(out, stated, overwrite=overwrite)
    line_format = cast("SourceFormat", registry.load(registry.SOURCES, entry.format))
    pairs = _interactions(entry, files, line_format, split, max_bad_rows)
    source = LineSource(
        tuple(file.path for file in files.metadata),
        line_format,
        None if pairs is None or all_items else frozenset(pairs["item_id"].unique()),
        own_images(entry, files),
        max_bad_rows,
        addresses(entry, files, line_format),
        max_images,
    )
    if finished:
        return retry_failed(Catalog.open(out), fetcher=fetcher, source=source, report=report)
    made = build_catalog(
        source,
        stage,
        recipe=TextRecipe(),
        origin=_origin(name, entry, stated),
        fetcher=fetcher,
        images=images,
        report=report,
        historian=None if pairs is None else partial(write_known_interactions, pairs, out),
        cluster=cluster,
    )
    if retry:
        made = retry_failed(made, fetcher=fetcher, source=source, report=report)
    if pairs is None or split == SplitOptions(entry.k_core, entry.split, split.seed):
        _compare(name, entry, made)
    return made


def _interactions(
    entry: DatasetEntry,
    files: SourceFiles,
    line_format: SourceFormat,
    split: SplitOptions,
    max_bad_rows: int | None,
) -> pl.DataFrame | None:
    if files.interactions is None:
        return None
    path = files.interactions.path
    read = part(line_format.interactions, entry, "interactions")
    return split.apply(collect(read(path), path, max_bad_rows))


def _origin(name: str, entry: DatasetEntry, files: dict[str, Json]) -> dict[str, Json]:
    told = ("title", "license", "terms", "citation", "homepage")
    stated = {"name": name, **{field: getattr(entry, field) for field in told}, "files": files}
    return throughout(stated, public)


def _compare(name: str, entry: DatasetEntry, made: Catalog) -> None:
    counts = made.manifest.interactions
    for field, expected in entry.expected.model_dump(exclude_none=True).items():
        found = made.rows if counts is None else getattr(counts, field)
        if found != expected:
            logger.warning("%s has %s %s, the manifest expects %s", name, found, field, expected)


def _refuse_changed(out: Path, files: dict[str, Json], *, overwrite: bool) -> None:
    """Note what an unfinished catalog is parsed from; refuse to go on with it from other files."""
    note = out / FILES
    before = read_json(note) if note.exists() else files
    if before != files:
        if not overwrite:
            raise StaleOutput(
                f"{out} was begun from other source files; differing: {', '.join(differing_keys(before, files))}. "
                "Choose another --out, or pass --overwrite to begin anew."
            )
        remove_tree(out / "items")
    write_json(note, files)


def default_cache() -> Path:
    """Return FEATURIZER_CACHE, or `featurizer` in the user's cache folder."""
    own = os.environ.get("FEATURIZER_CACHE")
    return (
        Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "featurizer"
    )


def _config(name: str, entry: DatasetEntry, asked: dict[str, Json]) -> dict[str, Json]:
    return {
        "dataset": name,
        "files": entry.files(),
        "format": entry.format,
        **asked,
        "text_recipe": TextRecipe().model_dump(),
    }
