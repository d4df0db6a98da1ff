"""A dataset of the manifest to a catalog: files fetched, interactions made dense and split, items built."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from featurizer import registry
from featurizer.catalog.build import OWNED, build_catalog
from featurizer.catalog.datasets import DatasetEntry, DatasetFile
from featurizer.catalog.fetch_file import FetchedFile, fetch_file
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.images.local import file_url_path, is_file_url
from featurizer.catalog.interactions import SplitOptions, collect, write_known_interactions
from featurizer.catalog.lines import LineSource
from featurizer.catalog.retry_failed import retry_failed
from featurizer.catalog.sample import META, REVIEWS, write_sample
from featurizer.catalog.source import SourceFormat
from featurizer.catalog.store import Catalog
from featurizer.catalog.text import TextRecipe
from featurizer.discretion import public, throughout
from featurizer.errors import StaleOutput
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.files import file_sha256, read_json, write_json
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
    cache: Path | None = None,
    max_bad_rows: int | None = None,
    overwrite: bool = False,
    retry: bool = False,
    report: Report = silent,
) -> Catalog:
    """Make the catalog of a dataset, with `interactions.parquet` beside its items.

    Args:
        name: the dataset's.
        entry: what the manifest says of it.
        out: the folder.
        split: k-core, split method and seed.
        fetcher: brings the pictures.
        all_items: also items outside the k-core.
        images: False leaves the pictures where they are.
        cache: where downloaded files are kept, so that another k-core needs no second download.
        max_bad_rows: more lines of a file that cannot be read are an error; None for half of them.
        overwrite: replace what the folder holds.
        retry: ask once more for the pictures that failed.
        report: told how far it is.

    Raises:
        DownloadError: a source file cannot be fetched; what arrived is kept.
        StaleOutput: `out` holds another dataset or other options.
    """
    asked: dict[str, Json] = {**split.as_json(), "all_items": all_items, "images": images}
    stage = Stage(out, CATALOG, _config(name, entry, asked), OWNED)
    finished = stage.claim(overwrite=overwrite)
    if finished and not retry:
        return Catalog.open(out)
    folder = out / "source" if entry.metadata is None else (cache or default_cache()) / name
    metadata, reviews = source_files(entry, folder, report)
    described = _described(entry, metadata, reviews, out)
    if not finished:
        _refuse_changed(out, described, overwrite=overwrite)
    line_format = cast("SourceFormat", registry.load(registry.SOURCES, entry.format))
    interactions = split.apply(collect(line_format.interactions(reviews.path), reviews.path, max_bad_rows))
    keep = None if all_items else frozenset(interactions["item_id"].unique())

    def write(item_ids: set[str]) -> dict[str, Json]:
        return write_known_interactions(interactions, out, item_ids)

    source = LineSource(metadata.path, line_format, keep, _own_images(entry, metadata.path), max_bad_rows)
    if finished:
        return retry_failed(Catalog.open(out), fetcher=fetcher, source=source, report=report)
    made = build_catalog(
        source,
        stage,
        recipe=TextRecipe(),
        origin=_origin(name, entry, described),
        fetcher=fetcher,
        images=images,
        report=report,
        historian=write,
    )
    if retry:
        made = retry_failed(made, fetcher=fetcher, source=source, report=report)
    if split == SplitOptions(entry.k_core, entry.split, split.seed):
        _compare(name, entry, made)
    return made


def _origin(name: str, entry: DatasetEntry, files: dict[str, Json]) -> dict[str, Json]:
    told = ("title", "license", "terms", "citation", "homepage")
    stated = {"name": name, **{field: getattr(entry, field) for field in told}, "files": files}
    return throughout(stated, public)


def _compare(name: str, entry: DatasetEntry, made: Catalog) -> None:
    counts = made.manifest.interactions
    for field, expected in entry.expected.model_dump(exclude_none=True).items():
        found = getattr(counts, field)
        if found != expected:
            logger.warning("%s has %s %s, the manifest expects %s", name, found, field, expected)


def source_files(
    entry: DatasetEntry, folder: Path, report: Report = silent
) -> tuple[FetchedFile, FetchedFile]:
    """Fetch a dataset's metadata and interactions into `folder`, or find them there; the sample is drawn instead."""
    if entry.metadata is None or entry.interactions is None:
        write_sample(folder)
        return _drawn(folder / META), _drawn(folder / REVIEWS)
    remotes = (entry.metadata, entry.interactions)
    names = [Path(urlsplit(remote.url).path).name for remote in remotes]
    if names[0] in (names[1], f"{names[1]}.json") or names[1] == f"{names[0]}.json":
        names = [f"metadata-{names[0]}", f"interactions-{names[1]}"]
    metadata, interactions = (
        _fetch(remote, folder / name, report) for remote, name in zip(remotes, names, strict=True)
    )
    return metadata, interactions


def _drawn(path: Path) -> FetchedFile:
    return FetchedFile(path, path.stat().st_size, file_sha256(path), fetched=False)


def _described(
    entry: DatasetEntry, metadata: FetchedFile, interactions: FetchedFile, out: Path
) -> dict[str, Json]:
    """Return address, size and hash of both files; a sample's address is its path below `out`."""
    pairs = {"metadata": (entry.metadata, metadata), "interactions": (entry.interactions, interactions)}
    return {
        name: {
            "url": os.path.relpath(file.path, out) if remote is None else remote.url,
            "bytes": file.size,
            "sha256": file.sha256,
        }
        for name, (remote, file) in pairs.items()
    }


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
        shutil.rmtree(out / "items", ignore_errors=True)
    write_json(note, files)


def _own_images(entry: DatasetEntry, metadata: Path) -> Path | None:
    """Return the folder that metadata may name pictures in by `file://`: their own, if they lie on this disk."""
    if entry.metadata is None:
        return metadata.parent
    path = file_url_path(entry.metadata.url) if is_file_url(entry.metadata.url) else None
    return None if path is None else path.parent


def default_cache() -> Path:
    """Return FEATURIZER_CACHE, or `featurizer` in the user's cache folder."""
    own = os.environ.get("FEATURIZER_CACHE")
    return (
        Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "featurizer"
    )


def _fetch(remote: DatasetFile, path: Path, report: Report) -> FetchedFile:
    def tell(done: int, total: int | None) -> None:
        report(Progress(path.name, done, total, unit="bytes"))

    path.parent.mkdir(parents=True, exist_ok=True)
    return fetch_file(remote.url, path, sha256=remote.sha256, size=remote.bytes, progress=tell)


def _config(name: str, entry: DatasetEntry, asked: dict[str, Json]) -> dict[str, Json]:
    files = {"metadata": entry.metadata, "interactions": entry.interactions}
    addresses: dict[str, Json] = {key: file.model_dump() if file else None for key, file in files.items()}
    return {
        "dataset": name,
        "files": addresses,
        "format": entry.format,
        **asked,
        "text_recipe": TextRecipe().model_dump(),
    }
