"""Files that are there whole or not at all, JSON among them, and the hashes that tell one from another."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from glob import escape
from pathlib import Path

from featurizer.errors import InputError, OutputError
from featurizer.records import Json
from featurizer.results.store_path import StorePath

PARTIAL = ".partial"
"""Ends the name of a file that is being written."""
_OWNER = re.compile(r"\..+\.(?P<pid>\d+)-(?P<host>[0-9a-f]{6})[0-9a-f]{8}\.partial")
"""The name of a partial file: which process of which host is writing it."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Where JSON writes half of a character."""
_writing: set[str] = set()
"""The names of the partial files that this process is writing."""


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

    The file is flushed to disk before the rename, so a kill leaves either the old file or the new one. The
    temporary name is this process's alone; what killed processes left of the same file is removed. What goes to an
    object store is written on this machine, in the folder for temporary files, and put there whole.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the temporary file is gone by then.
        StoreError: the object store refuses the file.
    """
    stored = isinstance(path, StorePath)
    try:
        with _partial_beside(scratch() / path.name if stored else path, anyone=stored) as partial:
            yield partial
            if isinstance(path, StorePath):
                path.put(partial)
                return
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
    except OSError as error:
        raise output_error(path, error) from error


@contextmanager
def _partial_beside(path: Path, *, anyone: bool) -> Iterator[Path]:
    """Yield a name beside a path that is this process's alone; what has it in the end is removed.

    Args:
        path: beside what.
        anyone: whether what killed processes left there is removed whatever it was to become, or of this path alone.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{_host()}{secrets.token_hex(4)}{PARTIAL}")
    _writing.add(partial.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent.glob(f".{'*' if anyone else escape(path.name)}.*{PARTIAL}"))
        yield partial
    finally:
        _writing.discard(partial.name)
        with suppress(OSError):
            remove_tree(partial)


def scratch() -> Path:
    """Return where this user's files lie on their way to an object store; nobody else may look into it.

    Raises:
        OutputError: somebody else has made it, or it cannot be made.
    """
    folder = Path(tempfile.gettempdir()) / f"featurizer-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise OutputError(
                f"{folder} is another user's, or a link, expected a folder of one's own; remove it, or name another "
                "folder for temporary files (TMPDIR)"
            )
        folder.chmod(0o700)
    except OSError as error:
        raise output_error(folder, error) from error
    return folder


def remove_tree(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing where nothing is."""
    if isinstance(path, StorePath):
        path.remove_tree()
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def on_this_machine(path: Path) -> Iterator[Path]:
    """Yield a file for what reads paths alone; of an object of a store a copy, as long as the block runs.

    What the block says of the copy in an `InputError` is said of the object.

    Raises:
        InputError: there is no such object.
        OutputError: there is no room for the copy.
    """
    if not isinstance(path, StorePath):
        yield path
        return
    with _partial_beside(scratch() / path.name, anyone=True) as folder:
        copy = folder / path.name
        try:
            folder.mkdir()
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; expected a file") from None
        except OSError as error:
            raise output_error(copy, error) from error
        try:
            yield copy
        except InputError as error:
            raise InputError(str(error).replace(str(copy), str(path))) from error


def remove_leftovers(partials: Iterable[Path], *, alone: bool = False) -> None:
    """Remove those partial files that nobody is writing any more.

    Args:
        partials: files that may be partial ones; others stay.
        alone: whether nobody but this process writes there. Else another host's files stay, for its processes
            cannot be asked after.
    """
    for partial in partials:
        owner = _OWNER.fullmatch(partial.name)
        if owner and partial.name not in _writing and (alone or not _may_be_written(owner)):
            remove_tree(partial)


def _may_be_written(owner: re.Match[str]) -> bool:
    """Say whether the process may be at it; this one may have the number of an earlier one, in containers always."""
    pid = int(owner["pid"])
    return owner["host"] != _host() or (pid != os.getpid() and is_alive(pid))


def is_alive(pid: int) -> bool:
    """Say whether a process of this host runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@cache
def _host() -> str:
    """Six hex digits that tell this host from others that see the same folder."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def refuse_file(folder: Path) -> None:
    """Refuse a file where a folder is to be written.

    Raises:
        InputError: it is one.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, expected a folder to write into; choose another --out")


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
        InputError: the file is missing, is not JSON (NaN and repeated keys are none), or holds something other than
            an object.
    """
    try:
        text = path.read_text("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        if _SURROGATE.search(text):  # half a character is no text, and nothing could print it
            json.dumps(value, ensure_ascii=False).encode()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; is {path.parent} the folder of a finished stage?") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a JSON {type(value).__name__}, expected an object")
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Make a JSON object; of a key that stands twice readers would take one or the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {repeated!r} stands twice")
    return found


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")
