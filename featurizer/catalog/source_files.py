"""The files that a dataset of the manifest is made of: fetched, found, described."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from featurizer.catalog.datasets import DatasetEntry, DatasetFile
from featurizer.catalog.fetch_file import FetchedFile, fetch_file
from featurizer.catalog.images.local import file_url_path, is_file_url
from featurizer.catalog.sample import META, REVIEWS, write_sample
from featurizer.catalog.source import SourceFormat
from featurizer.errors import InputError
from featurizer.progress import Progress, Report, silent
from featurizer.records import Json
from featurizer.results.files import file_sha256

T = TypeVar("T")
Reader: TypeAlias = Callable[[Path], T]


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of a dataset, on this disk.

    Attributes:
        metadata: of the items.
        interactions: None where there are none.
        pictures: the table that says where they lie; None where items say it themselves.
    """

    metadata: tuple[FetchedFile, ...]
    interactions: FetchedFile | None = None
    pictures: FetchedFile | None = None


def source_files(entry: DatasetEntry, folder: Path, report: Report = silent) -> SourceFiles:
    """Fetch a dataset's files into `folder`, or find them there; the sample is drawn instead."""
    if entry.drawn:
        write_sample(folder)
        return SourceFiles((_drawn(folder / META),), _drawn(folder / REVIEWS))
    kinds = {
        "metadata": entry.metadata_files,
        "interactions": (entry.interactions,) if entry.interactions else (),
        "pictures": (entry.pictures,) if entry.pictures else (),
    }
    paths = _paths(kinds, folder)
    metadata, interactions, pictures = (
        tuple(_fetch(remote, path, report) for remote, path in zip(remotes, paths[kind], strict=True))
        for kind, remotes in kinds.items()
    )
    return SourceFiles(metadata, next(iter(interactions), None), next(iter(pictures), None))


def _paths(kinds: Mapping[str, Sequence[DatasetFile]], folder: Path) -> dict[str, list[Path]]:
    """Return the path of each file: its own name, behind its kind where two, or a note beside one, are called alike."""
    names = {
        kind: [Path(urlsplit(remote.url).path).name for remote in remotes] for kind, remotes in kinds.items()
    }
    called = [called for own in names.values() for name in own for called in (name, f"{name}.json")]
    alike = len(set(called)) < len(called)
    return {
        kind: [folder / (f"{kind}-{name}" if alike else name) for name in own] for kind, own in names.items()
    }


def _drawn(path: Path) -> FetchedFile:
    return FetchedFile(path, path.stat().st_size, file_sha256(path), fetched=False)


def described(entry: DatasetEntry, files: SourceFiles, out: Path) -> dict[str, Json]:
    """Return address, size and hash of each file; a sample's address is its path below `out`."""

    def told(remote: DatasetFile | None, file: FetchedFile) -> Json:
        url = os.path.relpath(file.path, out) if remote is None else remote.url
        return {"url": url, "bytes": file.size, "sha256": file.sha256}

    remotes = entry.metadata_files or (None,)
    metadata = [told(remote, file) for remote, file in zip(remotes, files.metadata, strict=True)]
    found: dict[str, Json] = {"metadata": metadata[0]}
    if entry.more_metadata:
        found["more_metadata"] = metadata[1:]
    if files.interactions is not None:
        found["interactions"] = told(entry.interactions, files.interactions)
    if files.pictures is not None:
        found["pictures"] = told(entry.pictures, files.pictures)
    return found


def addresses(entry: DatasetEntry, files: SourceFiles, line_format: SourceFormat) -> Mapping[str, str] | None:
    """Return the address of each picture by its id, where items name pictures so."""
    if entry.pictures is None or files.pictures is None:
        return None
    read = part(line_format.addresses, entry, "a table of pictures")
    return {name: f"{entry.pictures.below}{path}" for name, path in read(files.pictures.path).items()}


def part(reader: Reader[T] | None, entry: DatasetEntry, what: str) -> Reader[T]:
    """Return a part of a format.

    Raises:
        InputError: the format has none, and the entry names a file for it.
    """
    if reader is None:
        raise InputError(
            f"the dataset '{entry.title}' names {what}, and its format {entry.format} reads none; correct the entry"
        )
    return reader


def own_images(entry: DatasetEntry, files: SourceFiles) -> Path | None:
    """Return the folder that metadata may name pictures in by `file://`: their own, if they lie on this disk."""
    if entry.drawn:
        return files.metadata[0].path.parent
    if entry.pictures is not None:
        return file_url_path(entry.pictures.below) if is_file_url(entry.pictures.below) else None
    url = entry.metadata_files[0].url
    path = file_url_path(url) if is_file_url(url) else None
    return None if path is None else path.parent


def _fetch(remote: DatasetFile, path: Path, report: Report) -> FetchedFile:
    def tell(done: int, total: int | None) -> None:
        report(Progress(path.name, done, total, unit="bytes"))

    path.parent.mkdir(parents=True, exist_ok=True)
    return fetch_file(remote.url, path, sha256=remote.sha256, size=remote.bytes, progress=tell)
