"""Pictures that lie on disk: a path, or a `file://` address, and which of them a source may name."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from featurizer.catalog.files_below import readable
from featurizer.records import OK, ImageRef

FORBIDDEN = "forbidden:"
"""Stands before the address of a picture that its source may not name; it is never read."""


def confined(ref: ImageRef, folder: Path | None) -> ImageRef:
    """Return a reference unless it names a file of this machine outside `folder`; such a one is refused.

    Data that come from elsewhere must not choose which files are read here. A refused reference keeps what
    was asked for behind `FORBIDDEN`, so that its row says so, and a later retry refuses it again.

    Args:
        ref: what a source asks for.
        folder: where its files may lie, symbolic links followed; None allows no file at all.
    """
    if ref.data is not None:
        return ref
    path = ref.path
    if path is None and ref.url is not None and is_file_url(ref.url.strip()):
        path = file_url_path(ref.url.strip())
    if path is None or (folder is not None and _is_inside(path, folder)):
        return ref
    return ImageRef(url=f"{FORBIDDEN}{ref.url or readable(path)}")


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a NUL in the name, a loop of links
        return False


def read_local(path: Path, *, max_bytes: int) -> tuple[str, bytes]:
    """Read a regular file of at most `max_bytes`: `ok` and its bytes, or the reason why not."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited on for ever
            return "unreadable_file", b""
        if found.st_size > max_bytes:
            return "too_large", b""
        return OK, path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return "missing_file", b""
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return "unreadable_file", b""


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
