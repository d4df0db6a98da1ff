"""What is asked of an object store, whichever it is: read a range, put a whole object, list, say whether, remove.

A store is reached through fsspec, by the driver of its scheme (s3fs for `s3://`, gcsfs for `gs://`, the Hub's for
`hf://`); how to reach it and who one is, the driver's own settings and environment say. A request that fails is made
again by the driver; what it gives up on is a `StoreError`.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from featurizer.errors import FeaturizerError, InputError, MissingExtra, StoreError

DRIVERS = {
    "s3": ("s3fs", "s3", "featurizer"),
    "gs": ("gcsfs", None, "gcsfs"),
    "gcs": ("gcsfs", None, "gcsfs"),
    "az": ("adlfs", None, "adlfs"),
    "abfs": ("adlfs", None, "adlfs"),
}
"""By scheme: the driver's package, and what to install for it: an extra of a package, or that package."""
READ_ONLY = frozenset({"hf"})
"""Schemes of what is read and not written: every object would be a commit, where `featurizer publish` makes one."""
_NO_LOGIN = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
)
"""What drivers raise that find nobody to be; their modules are not there where the driver is not."""
_NO_CONDITIONS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a store says of an object, or of a folder: that there are objects below it.

    Attributes:
        name: its path below what was listed; empty for what itself was asked after.
        size: bytes.
        is_folder: whether it is a folder.
    """

    name: str
    size: int
    is_folder: bool


class Storage:
    """The stores of one scheme. Addresses are whole: `s3://bucket/key`."""

    def __init__(self, scheme: str) -> None:
        """Take the scheme's driver.

        Raises:
            MissingExtra: it is not installed.
            InputError: there is none for this scheme.
        """
        self._scheme, self._files = scheme, _driver(scheme)

    def find(self, address: str) -> Entry | None:
        """Return what is at an address; None where nothing is.

        Raises:
            StoreError: the store, or the bucket, does not answer.
        """
        with _asking("look at", address):
            try:
                told = self._files.info(address)
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)
                return None
            return _entry("", told)

    def list(self, address: str, *, deep: bool) -> list[Entry]:
        """Return what is in a folder, by name; with `deep` the objects however far below, and no folders.

        Raises:
            StoreError: the store, or the bucket, does not answer.
        """
        base = str(self._files._strip_protocol(address)).rstrip("/")
        with _asking("list", address):
            self._files.invalidate_cache()
            try:
                found = (
                    self._files.find(address, detail=True).values()
                    if deep
                    else self._files.ls(address, detail=True)
                )
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)
                return []
        entries = (_entry(str(told["name"])[len(base) :].strip("/"), told) for told in found)
        return sorted((entry for entry in entries if entry.name), key=lambda entry: entry.name)

    def read(self, address: str, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, all of which the object must have.

        Raises:
            FileNotFoundError: there is no such object.
            StoreError: the store does not answer, or not to the end.
        """
        if start == end:
            return b""
        with _asking("read", address):
            data: bytes = self._files.cat_file(address, start=start, end=end)
            if len(data) != end - start:
                raise EOFError(f"{len(data):,} bytes came of {end - start:,}")
        return data

    def read_whole(self, address: str) -> bytes:
        """Return an object in one request, however long it is by now; one that is just written in place may be cut.

        Raises:
            FileNotFoundError: there is no such object.
            StoreError: the store does not answer.
        """
        with _asking("read", address):
            data: bytes = self._files.cat_file(address)
        return data

    def put(self, address: str, file: Path) -> None:
        """Put a whole file at an address, in the place of what is there.

        Raises:
            InputError: stores of this scheme are only read.
            StoreError: the store refuses it.
        """
        self.refuse_read_only(address)
        with _asking("write", address):
            self._files.put_file(str(file), address)

    def write(self, address: str, data: bytes) -> None:
        """Put bytes at an address, in the place of what is there.

        Raises:
            InputError: stores of this scheme are only read.
            StoreError: the store refuses them.
        """
        self.refuse_read_only(address)
        with _asking("write", address):
            self._files.pipe_file(address, data)

    def create(self, address: str, data: bytes) -> bool:
        """Put bytes at an address where nothing is; whether that was so, as the store decides it.

        A store that knows no such condition is believed to have nothing there, and that is said.

        Raises:
            InputError: stores of this scheme are only read.
            StoreError: the store refuses them.
        """
        self.refuse_read_only(address)
        with _asking("write", address):
            try:
                self._files.pipe_file(address, data, mode="create")
            except FileExistsError:
                return False
            except (OSError, NotImplementedError) as error:
                if self._files.exists(address):
                    return False
                if not isinstance(error, NotImplementedError) and error.errno not in _NO_CONDITIONS:
                    raise
                self._files.pipe_file(address, data)
                self._say_unconditional(address)
                return True
            if self._overwrites(address, data):
                self._say_unconditional(address)
        return True

    def remove(self, address: str) -> None:
        """Remove an object; one that is not there is gone already.

        Raises:
            StoreError: the store refuses it.
        """
        with _asking("remove", address):
            try:
                self._files.rm_file(address)
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)

    def remove_tree(self, address: str) -> None:
        """Remove all objects below an address.

        Raises:
            InputError: it is a whole bucket, which drivers would remove too.
            StoreError: the store refuses it.
        """
        bucket, _, key = str(self._files._strip_protocol(address)).strip("/").partition("/")
        if not key:
            raise InputError(
                f"{address} is the whole of {bucket}, which is not removed; expected a folder in it"
            )
        with _asking("remove", address):
            self._files.invalidate_cache()
            try:
                self._files.rm(address, recursive=True)
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)

    def refuse_read_only(self, address: str) -> None:
        """Refuse to write where stores are only read.

        Raises:
            InputError: they are.
        """
        if self._scheme in READ_ONLY:
            raise InputError(
                f"{address} is read and not written here, expected a folder or an address such as s3://bucket/name; "
                "'featurizer publish' puts a result on the Hub"
            )

    def _overwrites(self, address: str, data: bytes) -> bool:
        """Say whether the store takes the same object again though it may only take it where nothing is."""
        try:
            self._files.pipe_file(address, data, mode="create")
        except OSError:
            return False
        return True

    def _say_unconditional(self, address: str) -> None:
        logger.warning(
            "the store of %s knows no conditional writes: two runs that begin at the same moment would not notice "
            "each other",
            address,
        )


@cache
def _of_process(scheme: str, process: int) -> Storage:
    return Storage(scheme)


def storage(scheme: str) -> Storage:
    """Return the stores of a scheme; drivers do not survive a fork, so every process has its own."""
    return _of_process(scheme, os.getpid())


def _driver(scheme: str) -> Any:  # noqa: ANN401 - fsspec has no types
    import fsspec

    try:
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        package, extra, source = DRIVERS.get(scheme, (None, None, ""))
        if package is None:
            raise InputError(
                f"{scheme}:// has a driver that is not installed: {error}. Install it, or copy what is there to a "
                "folder of this machine"
            ) from error
        raise MissingExtra(f"{package}, the driver of {scheme}://,", extra, source) from error
    except ValueError as error:
        raise InputError(
            f"{scheme}:// is no scheme of a store that is known; expected s3://, gs://, hf:// or another one that "
            "fsspec has a driver for"
        ) from error


def _entry(name: str, told: dict[str, Any]) -> Entry:
    return Entry(name, int(told.get("size") or 0), told["type"] == "directory")


def _refuse_missing_bucket(error: FileNotFoundError) -> None:
    """Tell a bucket that is not there from an object that is not: both are not found."""
    if "specified bucket does not exist" in str(error):
        raise error


@contextmanager
def _asking(what: str, address: str) -> Iterator[None]:
    """Turn what a driver raises into what a person can act on; an object that is not there stays FileNotFoundError."""
    try:
        yield
    except FeaturizerError:
        raise
    except FileNotFoundError as error:
        if "specified bucket does not exist" not in str(error):
            raise
        raise StoreError(
            f"could not {what} {address}: there is no such bucket. Check its name, or make it first; featurizer makes "
            "none"
        ) from error
    except PermissionError as error:
        raise StoreError(
            f"could not {what} {address}: the store refuses it to whoever this process is ({error}). Check the login "
            "that the driver finds (for s3:// AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), and what "
            "it may do there"
        ) from error
    except Exception as error:
        if type(error).__name__ in _NO_LOGIN:
            raise StoreError(
                f"could not {what} {address}: the driver found no login ({error}). For s3:// set AWS_PROFILE, or "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from error
        raise StoreError(
            f"could not {what} {address}: {_told(error)}, also when it was tried again. Run the same command again "
            "when the store answers: what is finished there is kept"
        ) from error


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text:.300}" if text else type(error).__name__
