"""A dataset of the manifest to a catalog: files fetched, interactions made dense and split, items built."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from featurizer import registry
from featurizer.catalog.build import OWNED, CatalogOptions, build_catalog, retry_failed
from featurizer.catalog.datasets import DatasetEntry, DatasetFile
from featurizer.catalog.fetch_file import FetchedFile, fetch_file
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.images.local import file_url_path, is_file_url
from featurizer.catalog.interactions import SplitOptions, collect, write_known_interactions
from featurizer.catalog.lines import LineSource
from featurizer.catalog.sample import write_sample
from featurizer.catalog.source import SourceFormat
from featurizer.catalog.store import Catalog
from featurizer.catalog.text import TextRecipe
from featurizer.errors import StaleOutput
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.files import file_sha256, read_json, write_json
from featurizer.results.names import CATALOG
from featurizer.results.stage import Stage, differing_keys

logger = logging.getLogger(__name__)

FILES = ".files.json"
"""Which source files a catalog is parsed from, noted before its first part."""


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """What of a dataset is wanted.

    Attributes:
        split: k-core, split method and seed.
        all_items: also items outside the k-core.
        images: False leaves the pictures where they are.
        retry_failed: once the catalog is finished, fetch the pictures that failed once more.
        overwrite: replace what the folder holds.
        cache: where downloaded files are kept, so that another k-core needs no second download.
    """

    split: SplitOptions
    all_items: bool = False
    images: bool = True
    retry_failed: bool = False
    overwrite: bool = False
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """A dataset's files on this disk."""

    metadata: FetchedFile
    interactions: FetchedFile
    urls: tuple[str, str] | None = None

    def as_json(self, out: Path) -> dict[str, Json]:
        """Return address, size and hash of both; a sample's address is its path below `out`."""
        both = (self.metadata, self.interactions)
        urls = self.urls or [os.path.relpath(file.path, out) for file in both]
        return {
            name: {"url": url, "bytes": file.size, "sha256": file.sha256}
            for name, url, file in zip(("metadata", "interactions"), urls, both, strict=True)
        }


def download(
    name: str,
    entry: DatasetEntry,
    out: Path,
    options: DownloadOptions,
    *,
    fetcher: ImageFetcher,
    report: Report = silent,
) -> Catalog:
    """Make the catalog of a dataset, with `interactions.parquet` beside its items.

    Raises:
        DownloadError: a source file cannot be fetched; what arrived is kept.
        StaleOutput: `out` holds another dataset or other options.
    """
    config = _config(name, entry, options)
    stage = Stage(out, CATALOG, config, OWNED)
    if stage.claim(overwrite=options.overwrite):
        found = Catalog.open(out)
        return retry_failed(found, fetcher=fetcher, report=report) if options.retry_failed else found
    files = source_files(entry, _source_folder(name, entry, out, options), report)
    described = files.as_json(out)
    _refuse_changed(out, described, overwrite=options.overwrite)
    line_format = cast("SourceFormat", registry.load(registry.SOURCES, entry.format))
    interactions = options.split.apply(
        collect(line_format.interactions(files.interactions.path), files.interactions.path)
    )
    keep = None if options.all_items else frozenset(interactions["item_id"].unique())
    origin: dict[str, Json] = {
        "name": name, "title": entry.title, "license": entry.license, "terms": entry.terms, "citation": entry.citation,
        "homepage": entry.homepage, "files": described,
    }  # fmt: skip
    build = CatalogOptions(origin=origin, images=options.images)

    def write(item_ids: set[str]) -> dict[str, Json]:
        return write_known_interactions(interactions, out, item_ids)

    source = LineSource(files.metadata.path, line_format, keep, _own_images(entry, files))
    made = build_catalog(source, stage, build, fetcher=fetcher, report=report, historian=write)
    if options.split == SplitOptions(entry.k_core, entry.split, options.split.seed):
        _compare(name, entry, made)
    return retry_failed(made, fetcher=fetcher, report=report) if options.retry_failed else made


def _compare(name: str, entry: DatasetEntry, made: Catalog) -> None:
    counts = made.manifest.interactions
    for field, expected in entry.expected.model_dump(exclude_none=True).items():
        found = getattr(counts, field)
        if found != expected:
            logger.warning("%s has %s %s, the manifest expects %s", name, found, field, expected)


def _source_folder(name: str, entry: DatasetEntry, out: Path, options: DownloadOptions) -> Path:
    return out / "source" if entry.metadata is None else (options.cache or default_cache()) / name


def source_files(entry: DatasetEntry, folder: Path, report: Report = silent) -> SourceFiles:
    """Fetch a dataset's files into `folder`, or find them there; the sample is drawn instead."""
    if entry.metadata is None or entry.interactions is None:
        sample = write_sample(folder)
        return SourceFiles(_drawn(sample.meta), _drawn(sample.reviews))
    remotes = (entry.metadata, entry.interactions)
    names = [Path(urlsplit(remote.url).path).name for remote in remotes]
    if names[0] in (names[1], f"{names[1]}.json") or names[1] == f"{names[0]}.json":
        names = [f"metadata-{names[0]}", f"interactions-{names[1]}"]
    metadata, interactions = (
        _fetch(remote, folder / name, report) for remote, name in zip(remotes, names, strict=True)
    )
    return SourceFiles(metadata, interactions, (remotes[0].url, remotes[1].url))


def _drawn(path: Path) -> FetchedFile:
    return FetchedFile(path, path.stat().st_size, file_sha256(path), fetched=False)


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


def _own_images(entry: DatasetEntry, files: SourceFiles) -> Path | None:
    """Return the folder that metadata may name pictures in by `file://`: their own, if they lie on this disk."""
    if entry.metadata is None:
        return files.metadata.path.parent
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


def _config(name: str, entry: DatasetEntry, options: DownloadOptions) -> dict[str, Json]:
    files = {"metadata": entry.metadata, "interactions": entry.interactions}
    addresses: dict[str, Json] = {key: file.model_dump() if file else None for key, file in files.items()}
    return {
        "dataset": name,
        "files": addresses,
        "format": entry.format,
        **options.split.as_json(),
        "all_items": options.all_items,
        "images": options.images,
        "text_recipe": TextRecipe().model_dump(),
    }
