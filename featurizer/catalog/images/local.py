"""Pictures that lie on disk: a path, or a `file://` address, and which of them a source may name."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from featurizer.catalog.files_below import readable
from featurizer.records import OK, ImageRef

FORBIDDEN = "forbidden:"
"""Stands before the address of a picture that its source may not name; it is never read."""

NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)
DIRECTORY: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY


def confined(ref: ImageRef, *folders: Path | None) -> ImageRef:
    """Return a reference unless it names a file of this machine outside all `folders`; such a one is refused.

    Data must not choose which files are read here. What passes says which folder it lies in, and is held to it when
    it is read. A refused reference keeps what was asked for behind `FORBIDDEN`, so that its row says so, and a later
    retry refuses it again.

    Args:
        ref: what a source asks for.
        folders: where its files may lie, symbolic links followed; none, or None, allows no file at all.
    """
    if ref.data is not None:
        return ref
    path = ref.path
    if path is None and ref.url is not None and is_file_url(ref.url.strip()):
        path = file_url_path(ref.url.strip())
    if path is None:
        return ref
    for folder in filter(None, folders):
        if _below(path, folder) is not None:
            return replace(ref, path=path, folder=folder)
    return ImageRef(url=f"{FORBIDDEN}{ref.url or readable(path)}")


def _below(path: Path, folder: Path) -> Path | None:
    """Return where a path leads, links followed; None where that is outside the folder."""
    try:
        real = Path(os.path.realpath(path))  # of a loop of links, which `resolve` raises, the loop itself
        return real if real.is_relative_to(os.path.realpath(folder)) else None
    except (OSError, ValueError):  # a NUL in the name
        return None


def read_local(path: Path, *, max_bytes: int, folder: Path | None = None) -> tuple[str, bytes]:
    """Read a regular file of at most `max_bytes`: `ok` and its bytes, or the reason why not.

    Args:
        path: the file.
        max_bytes: the most that is read.
        folder: where it must lie, links followed; None for wherever it leads, where a person named it.
    """
    try:
        real = path if folder is None else _below(path, folder)
        if real is None:
            return "forbidden_path", b""
        if not stat.S_ISREG(real.stat().st_mode):  # to open a device may be to use it
            return "unreadable_file", b""
        # A link in the place of what was just looked at is not followed, a pipe there not waited for.
        flags = os.O_RDONLY | NONBLOCK | (0 if folder is None else NOFOLLOW)
        with os.fdopen(os.open(real, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return "unreadable_file", b""
            if folder is not None and not _lies_below(found, real, folder):
                return "forbidden_path", b""
            data = b"" if found.st_size > max_bytes else file.read(max_bytes + 1)
        return ("too_large", b"") if max(found.st_size, len(data)) > max_bytes else (OK, data)
    except (FileNotFoundError, NotADirectoryError):
        return "missing_file", b""
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return "unreadable_file", b""


def _lies_below(found: os.stat_result, real: Path, folder: Path) -> bool:
    """Tell whether an open file is the one at a path below a folder, where no part of the way is a link by now."""
    root = os.path.realpath(folder)
    *steps, name = real.relative_to(root).parts
    parent = os.open(root, DIRECTORY)
    try:
        for step in steps:
            below = os.open(step, DIRECTORY | NOFOLLOW, dir_fd=parent)
            os.close(parent)
            parent = below
        return os.path.samestat(found, os.stat(name, dir_fd=parent, follow_symlinks=False))
    except OSError:
        return False
    finally:
        os.close(parent)


def refused(url: str) -> str | None:
    """Return why an address that no source has `confined` is not read, or was not; None where it is none of a file."""
    if url.startswith(FORBIDDEN):
        return "forbidden_path"
    if is_file_url(url):
        return "bad_url" if file_url_path(url) is None else "forbidden_path"
    return None


def is_file_url(url: str) -> bool:
    """Tell whether an address names a file of this machine."""
    return url[:5].lower() == "file:"


def file_url_path(url: str) -> Path | None:
    """Turn `file:///a%20b.jpg` into its path; None when the address names another machine or is broken."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.netloc not in ("", "localhost") or not parts.path:
        return None
    return Path(url2pathname(parts.path))
