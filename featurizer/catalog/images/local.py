"""Pictures that lie on disk: a path, or a `file://` address."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from featurizer.catalog.images.received import Received
from featurizer.records import OK


def read_local(path: Path, *, max_bytes: int) -> Received:
    """Read a regular file of at most `max_bytes`; whatever else is found there is a reason."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited on for ever
            return Received("unreadable_file")
        if found.st_size > max_bytes:
            return Received("too_large")
        return Received(OK, path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Received("missing_file")
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return Received("unreadable_file")


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
