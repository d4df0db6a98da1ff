"""Source files of any size from anywhere: resumed after a break, checked, renamed into place when whole."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import fsspec

from featurizer.catalog.partial_file import PartialFile
from featurizer.catalog.retry import RetryPolicy
from featurizer.catalog.web_file import KEPT, PATIENT, READ_TIMEOUT, OnBytes, WebDownload
from featurizer.discretion import without_login
from featurizer.errors import DownloadError, InputError, OutputError
from featurizer.results.files import file_sha256, fingerprint, output_error, read_json, write_json
from featurizer.results.locks import writing

BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A source file on disk, whole and checked; `fetched` is False when it had been there before."""

    path: Path
    size: int
    sha256: str
    fetched: bool


def fetch_file(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: OnBytes | None = None,
    retry: RetryPolicy = PATIENT,
    read_timeout: float = READ_TIMEOUT,
) -> FetchedFile:
    """Bring a file to `path`, or find it there already.

    http(s) is streamed and, after a break now or in an earlier run, gone on with by Range; a file that has
    changed on the server since, or whose server names no version of it, begins anew. Every other scheme
    (`file`, `s3`, `memory`, a plain path, …) is read through fsspec. While another process fetches into the same
    folder, this one waits.

    Args:
        url: where the file is.
        path: what it shall be called; `<path>.partial` beside it holds what has arrived so far, `<path>.json` notes
            whose address it is, so that a file of another address is fetched anew and none is hashed twice.
        sha256: the file's hash in hex, where known.
        size: the file's length in bytes, where known.
        progress: called with the bytes on disk and the bytes in all.
        retry: when to try again; its attempts are counted anew whenever bytes have arrived.
        read_timeout: seconds between two pieces of the file.

    Raises:
        DownloadError: the file could not be had whole, or is not the one expected.
        OutputError: the disk refused a write.
    """
    there = _found(url, path, sha256, size)
    if there is not None:
        return there
    web = WebDownload(url, PartialFile(path), size, progress or _ignore, retry, read_timeout)
    with writing(path.parent, fingerprint=fingerprint({"url": url}), wait=math.inf):
        return _found(url, path, sha256, size) or _fetch(web, path, sha256)


def _fetch(web: WebDownload, path: Path, sha256: str | None) -> FetchedFile:
    url, partial = web.url, web.partial
    try:
        if url.lower().startswith(("http://", "https://")):
            _download(web)
        else:
            _copy(url, partial, web.progress)
        found, weight = file_sha256(partial.path), partial.size
        _check(url, partial, (weight, web.size), (found, sha256))
        _write_note(url, path, found, partial.path.stat())  # first: a kill in between shows as another hash
        partial.finish()
    except OSError as error:
        raise output_error(path, error) from error
    return FetchedFile(path, weight, found, fetched=True)


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write_note(url: str, path: Path, sha256: str, found: os.stat_result) -> None:
    write_json(
        _note(path),
        {
            "url": without_login(url),
            "sha256": sha256,
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
        },
    )


def _found(url: str, path: Path, sha256: str | None, size: int | None) -> FetchedFile | None:
    """Return the file that lies there if it is the one expected."""
    there = _kept(url, path)
    if there is None or size not in (None, there.size) or (sha256 or there.sha256).lower() != there.sha256:
        return None
    return there


def _kept(url: str, path: Path) -> FetchedFile | None:
    """Return the file that lies there; None for another address's, or one changed since it was fetched."""
    if not path.is_file():
        return None
    stat = path.stat()
    try:
        note = read_json(_note(path))
    except InputError:
        note = {}
    known = note.get("sha256")
    if note.get("url", without_login(url)) != without_login(url):
        return None
    if isinstance(known, str) and (note.get("size"), note.get("mtime_ns")) == (
        stat.st_size,
        stat.st_mtime_ns,
    ):
        return FetchedFile(path, stat.st_size, known, fetched=False)
    sha256 = file_sha256(path)
    if known not in (None, sha256):
        return None
    with suppress(OutputError):  # a cache that may only be read
        _write_note(url, path, sha256, stat)
    return FetchedFile(path, stat.st_size, sha256, fetched=False)


def _download(web: WebDownload) -> None:
    try:
        web.run()
    except DownloadError as error:
        if web.partial.size or KEPT not in str(error):
            raise
        what = "cannot connect to" if "Connect" in str(error.__cause__) else "cannot fetch"
        raise DownloadError(
            f"{what} {web.url}, nothing has arrived: {error.__cause__}; tried {web.retry.attempts} times. "
            "Check the network and the address, then run the same command again."
        ) from error


def _check(
    url: str, partial: PartialFile, sizes: tuple[int, int | None], hashes: tuple[str, str | None]
) -> None:
    """Compare what was found with what was expected; a file that differs is not kept."""
    (weight, size), (found, sha256) = sizes, hashes
    if size is not None and weight != size:
        differing = f"has {weight:,} bytes, expected {size:,}"
    elif sha256 is not None and found != sha256.lower():
        differing = f"has sha256 {found}, expected {sha256.lower()}"
    else:
        return
    partial.discard()
    raise DownloadError(
        f"{url} {differing}; what had arrived is removed. Run the same command again; if it differs again, "
        "the file there has changed: correct the entry's size and sha256."
    )


def _copy(url: str, partial: PartialFile, progress: OnBytes) -> None:
    """Read a file through fsspec, from where an earlier copy of the same version broke off."""
    source, version, total = _open_source(url)
    with source:
        resumed = partial.version(url) == version
        with partial.resume() if resumed else partial.restart(url, version) as file:
            done = partial.size
            for block in _blocks(url, source, done):
                file.write(block)
                done += len(block)
                progress(done, total)


def _open_source(url: str) -> tuple[BinaryIO, str, int | None]:
    try:
        system, name = fsspec.url_to_fs(url)
        return system.open(name, "rb"), system.ukey(name), system.size(name)
    except ImportError as error:
        raise DownloadError(
            f"{url} needs a package that is not installed: {error}. Install it with pip, then run the same "
            "command again."
        ) from error
    except (OSError, ValueError) as error:
        raise DownloadError(
            f"{url} cannot be opened: {type(error).__name__}: {error}. Expected an existing file under "
            "http(s) or a scheme that fsspec knows; check the address and your credentials for it."
        ) from error


def _blocks(url: str, source: BinaryIO, offset: int) -> Iterator[bytes]:
    """Yield what stands behind `offset`; an error of the source is told from one of the disk."""
    try:
        source.seek(offset)
        while block := source.read(BLOCK):
            yield block
    except OSError as error:
        raise DownloadError(f"{url} broke off: {error}; expected the whole file. {KEPT}") from error


def _ignore(_done: int, _total: int | None) -> None:
    """Report to nobody."""
