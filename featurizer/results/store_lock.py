"""Who may write a folder of an object store: whoever put the lock there, as long as it is renewed.

A store has no locks of the operating system. `.featurizer.lock` is an object, put where none is (a conditional write,
which the store itself decides) and renewed while the folder is held. One that is not renewed any more is its holder's
who was killed: it is taken over, at once where that process is known to be gone from this machine, else after `LEASE`
seconds. Clocks are not compared.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from featurizer.errors import FolderBusy, StoreError
from featurizer.results.holder import Holder
from featurizer.results.store_path import StorePath

LOCK_FILE = ".featurizer.lock"
BEAT = 10.0
"""Seconds between two renewals."""
LEASE = 60.0
"""Seconds after which a lock that was not renewed is taken over."""
POLL = 1.0
"""Seconds between two looks at a lock that somebody else has."""

logger = logging.getLogger(__name__)


@contextmanager
def holding(folder: StorePath, mine: Holder, wait: float | None) -> Iterator[None]:
    """Hold a folder of a store while the block runs.

    Args:
        folder: the folder.
        mine: what this process says of itself.
        wait: so many seconds for whoever holds it; None for not at all.

    Raises:
        FolderBusy: another process holds it, or took it over meanwhile.
        StoreError: the store does not answer.
    """
    lock = folder / LOCK_FILE
    _acquire(lock, mine, wait)
    renewal = _Renewal(lock, mine)
    try:
        yield
    finally:
        renewal.stop()
    if renewal.is_lost:
        raise FolderBusy(
            f"{folder} was taken over by another process while this one could not renew its lock for {LEASE:g} "
            "seconds. What was written is whole; run the same command again when the other has ended."
        )


def _acquire(lock: StorePath, mine: Holder, wait: float | None) -> None:
    begun = since = time.monotonic()
    seen = b""
    while not lock.storage.create(str(lock), mine.line().encode()):
        found = _content(lock)
        if found is None:
            continue
        if found != seen:
            seen, since = found, time.monotonic()
        holder = Holder.parse(found.decode(errors="replace").partition("\n")[0])
        if _is_gone(holder) or time.monotonic() - since > LEASE:
            logger.info("%s was left by %s: it is taken over", lock, holder or "another process")
            lock.unlink()
            continue
        if time.monotonic() - begun >= (wait or 0):
            raise FolderBusy(
                f"{lock.parent} is being written by {holder or 'another process'}. Run the same command with --wait to "
                f"begin when that has ended, or choose another --out. If it was killed, --wait {LEASE + BEAT:g} is "
                "enough: its lock is not renewed any more."
            )
        time.sleep(POLL)


def _is_gone(holder: Holder | None) -> bool:
    """Say whether the process was one of this machine and runs no more; this one may have an earlier one's number."""
    if holder is None or holder.host != socket.gethostname():
        return False
    return holder.pid == os.getpid() or not holder.may_live


def _content(lock: StorePath) -> bytes | None:
    try:
        return lock.storage.read_whole(str(lock))
    except FileNotFoundError:  # let go just now
        return None


class _Renewal:
    """Renews a lock from a thread of its own, and lets it go."""

    def __init__(self, lock: StorePath, mine: Holder) -> None:
        self._lock, self._mine = lock, mine.line().encode()
        self._beats = 0
        self._stopping = threading.Event()
        self.is_lost = False
        self._thread = threading.Thread(target=self._run, name=f"lock of {lock.parent}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(BEAT) and not self.is_lost:
            try:
                self._renew()
            except StoreError as error:  # until it answers again, for as long as nobody takes over
                logger.warning("the lock could not be renewed: %s", error)

    def _renew(self) -> None:
        if not self._is_mine():
            self.is_lost = True
            return
        self._beats += 1
        self._lock.storage.write(str(self._lock), self._mine + f"{self._beats}\n".encode())

    def _is_mine(self) -> bool:
        return (_content(self._lock) or b"").startswith(self._mine)

    def stop(self) -> None:
        """End the renewal, and remove the lock where it is still this process's."""
        self._stopping.set()
        self._thread.join()
        try:
            if self.is_lost or not self._is_mine():
                self.is_lost = True
                return
            self._lock.unlink()
        except StoreError as error:  # it is taken over when it was not renewed for long enough
            logger.warning("the lock could not be removed: %s", error)
