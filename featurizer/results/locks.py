"""Who may write a folder: one run alone, or several processes of one fingerprint that own disjoint shards.

The lock is the operating system's (`flock`) on `.featurizer.lock` in the folder, so it is gone with the process that
held it, however that ended. The file says who holds it, a line of JSON a process; it is removed with the last.
In an object store, where there are no such locks, it is an object that is renewed (`store_lock`).
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from featurizer.errors import FolderBusy, OutputError
from featurizer.results.files import output_error
from featurizer.results.holder import Holder
from featurizer.results.store_lock import LOCK_FILE, holding
from featurizer.results.store_path import StorePath

POLL = 0.2
"""Seconds between two tries."""
GRACE = 0.3
"""Seconds that are tried in any case: another process may just be ending, or writing who it is."""
_UNKNOWN = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK, errno.EINVAL)
_held: dict[Path, bool] = {}
"""The folders that this process writes, and whether it shares them."""
_guard = Lock()

logger = logging.getLogger(__name__)


@contextmanager
def writing(
    folder: Path, *, fingerprint: str, shared: bool = False, wait: float | None = None
) -> Iterator[None]:
    """Hold a folder while it is written, so that no second run writes into it at the same time.

    A folder that does not exist is made, and removed again where nothing was written into it. A folder of an object
    store is never shared.

    Args:
        folder: the folder.
        fingerprint: of the configuration it is written under.
        shared: let other processes in that also share and have the same fingerprint; they own disjoint shards.
        wait: so many seconds for whoever holds it, `inf` for as long as that takes; None for not at all.

    Raises:
        FolderBusy: another process holds it; the message names that one.
        OutputError: the folder cannot be written, or its file system knows no locks.
        StoreError: the object store does not answer.
        RuntimeError: this process holds it already, a fault of the program.
    """
    place = folder.resolve()
    with _once(place, shared=shared):
        if isinstance(place, StorePath):
            with holding(place, Holder.this_process(fingerprint, shared=False), wait):
                yield
            return
        made = [path for path in (place, *place.parents) if not path.exists()]
        mine = Holder.this_process(fingerprint, shared=shared)
        try:
            lock = _acquire(place / LOCK_FILE, mine, wait)
            try:
                yield
            finally:
                _release(lock, place / LOCK_FILE)
        finally:
            _remove_empty(made)


def is_shared(folder: Path) -> bool:
    """Say whether this process holds the folder together with others, who may be writing there."""
    return _held.get(folder.resolve()) is True


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process after the other into the block, of those that share a folder; `path` is made where it is missing.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        file = path.open("a")
    except OSError as error:
        raise output_error(path, error) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_locked_alone(folder: Path) -> bool:
    """Say whether this process holds the folder, or one above it, for itself alone."""
    place = folder.resolve()
    return any(_held.get(path) is False for path in (place, *place.parents))


@contextmanager
def _once(place: Path, *, shared: bool) -> Iterator[None]:
    with _guard:
        if place in _held:
            raise RuntimeError(f"{place} is held by this process already; a run takes its folder once")
        _held[place] = shared
    try:
        yield
    finally:
        del _held[place]


def _acquire(path: Path, mine: Holder, wait: float | None) -> int:
    deadline = time.monotonic() + max(wait or 0, GRACE)
    lock = _attempt(path, mine)
    if lock is None and wait:
        logger.info("waiting: %s is being written by %s", path.parent, _named(path))
    while lock is None:
        if time.monotonic() > deadline:
            raise FolderBusy(
                f"{path.parent} is being written by {_named(path)}. Run the same command with --wait to begin when "
                "that has ended, or choose another --out."
            )
        time.sleep(POLL)
        lock = _attempt(path, mine)
    return lock


def _attempt(path: Path, mine: Holder) -> int | None:
    """Return the locked file; None while somebody else holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND, 0o666)
    except FileNotFoundError:  # the folder was removed in between, by another run that wrote nothing into it
        return None
    except (FileExistsError, NotADirectoryError) as error:
        if all(folder.is_dir() or not folder.exists() for folder in path.parents):  # likewise, just now
            return None
        raise OutputError(
            f"could not write into {path.parent}: a file is in its place, expected a folder; choose another one"
        ) from error
    except OSError as error:
        raise output_error(path, error) from error
    try:
        taken = _take(file, path, mine)
    except BaseException:
        os.close(file)
        raise
    if not taken:
        os.close(file)
        return None
    return file


def _take(file: int, path: Path, mine: Holder) -> bool:
    if _lock(file, path, fcntl.LOCK_EX):
        if not _is_at(file, path):
            return False
        os.ftruncate(file, 0)
        os.write(file, mine.line().encode())
        # for others to join, the lock is changed into one that can be shared; somebody may come in between
        return not mine.shared or (_lock(file, path, fcntl.LOCK_SH) and _may_join(file, path, mine))
    if not mine.shared or not _lock(file, path, fcntl.LOCK_SH) or not _may_join(file, path, mine):
        return False
    os.write(file, mine.line().encode())
    return True


def _may_join(file: int, path: Path, mine: Holder) -> bool:
    """Say whether the file is still there, and its processes write the same as this one."""
    first = next(iter(_holders(path)), None)
    return _is_at(file, path) and first is not None and first.shared and first.fingerprint == mine.fingerprint


def _lock(file: int, path: Path, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _UNKNOWN:
            raise OutputError(
                f"{path.parent} lies on a file system that knows no locks ({error.strerror}), expected one that does: "
                "without them two runs could destroy each other's result. Choose an --out on another disk."
            ) from error
        raise output_error(path, error) from error
    return True


def _is_at(file: int, path: Path) -> bool:
    """Say whether the open file is still the one of that name: the last holder removes it."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _holders(path: Path) -> list[Holder]:
    """Return who has written into the file; of those that share a folder, some may have ended."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [holder for line in lines if (holder := Holder.parse(line)) is not None]


def _named(path: Path) -> str:
    """Name the first that may still be at it."""
    return next((str(holder) for holder in _holders(path) if holder.may_live), "another process")


def _release(lock: int, path: Path) -> None:
    """Let the folder go, and remove the file unless others share it."""
    try:
        with suppress(
            OSError
        ):  # the folder is gone, or may not be written any more; the lock goes all the same
            if _lock(lock, path, fcntl.LOCK_EX) and _is_at(lock, path):
                path.unlink()
        fcntl.flock(lock, fcntl.LOCK_UN)  # said aloud: a forked child may hold a copy of the file open
    finally:
        os.close(lock)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
