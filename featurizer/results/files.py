"""Files that are there whole or not at all, JSON among them, and the hashes that tell one from another."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from featurizer.errors import InputError, OutputError
from featurizer.records import Json

PARTIAL = ".partial"
"""Ends the name of a file that is being written."""


def fingerprint(config: Mapping[str, Json]) -> str:
    """Return a sha256 that two configurations share exactly when they are equal as JSON."""
    canonical = json.dumps(config, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and rename it into place when the block ends well.

    The file is flushed to disk before the rename, so a kill leaves either the old file or the new one.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the temporary file is gone by then.
    """
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def output_error(path: Path, error: OSError) -> OutputError:
    """Turn a refused write into a message that says what to do."""
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        what = "the disk is full"
        cure = "Free some space and run the same command again: finished parts are kept"
    else:
        what = error.strerror or str(error)
        cure = "Check that the folder exists and may be written, then run the same command again"
    return OutputError(f"could not write {path}: {what}. {cure}.")


def write_json(path: Path, value: Mapping[str, Json]) -> None:
    """Write a JSON file atomically, indented, non-ASCII kept."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Json]:
    """Read a JSON object.

    Raises:
        InputError: the file is missing, is not JSON, or holds something other than an object.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; is {path.parent} the folder of a finished stage?") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a JSON {type(value).__name__}, expected an object")
    return value
