"""The address of an object store where a path of this machine would stand: `s3://bucket/features`."""

from __future__ import annotations

import fnmatch
import io
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PosixPath
from typing import IO, Any, NoReturn, Self, cast

from featurizer.errors import InputError
from featurizer.results.storage import Entry, Storage, storage

ADDRESS = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)(?P<chained>::[A-Za-z0-9+.:-]*)?:/+(?P<rest>.*)", re.DOTALL
)
"""What `s3://bucket/name` is, and what is left of it where it became a path: `s3:/bucket/name`."""
AHEAD = 8 * 2**20
"""Bytes that are read at once of an object that is read from its beginning on."""


def place(where: str | Path) -> Path:
    """Return where something lies: a path of this machine, or a `StorePath` where an address is given.

    Raises:
        InputError: it is an address that nothing can be listed at: a web server's, or one of several in a chain.
    """
    found = None if isinstance(where, StorePath) else ADDRESS.fullmatch(str(where))
    if found is None:
        return Path(where) if isinstance(where, str) else where
    scheme = found["scheme"].lower()
    if scheme in ("file", "local"):
        return Path("/" + found["rest"])
    if found["chained"] or scheme in ("http", "https"):
        raise InputError(
            f"{shown(where)} is no store whose objects can be listed; expected an address such as s3://bucket/name, or "
            "a path of this machine"
        )
    return StorePath(f"{scheme}:/{found['rest']}")


def shown(where: str | Path) -> str:
    """Return an address as it was given, though it may have become a path since."""
    text = str(where)
    return text if "://" in text else text.replace(":/", "://", 1)


class StorePath(PosixPath):
    """An address of an object store, with what a path knows; folders are what names have in common.

    Whatever would take it for a path of this machine is told that it is none: so nothing is ever written into a folder
    that is called `s3:`.
    """

    _listed: Entry | None = None

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().partition(":/")
        return f"{scheme}://{rest}"

    def __repr__(self) -> str:
        return f"StorePath({str(self)!r})"

    def __fspath__(self) -> NoReturn:
        raise InputError(
            f"{self} is the address of a store, and this takes a path of this machine; mount the store, or copy what "
            "is there"
        )

    def relative_to(self, *other: str | os.PathLike[str]) -> Path:  # type: ignore[override]
        """Return what comes after a folder: no address."""
        return Path(*super().relative_to(*other).parts)

    @property
    def scheme(self) -> str:
        """What stands before `://`."""
        return self.parts[0].rstrip(":")

    @property
    def storage(self) -> Storage:
        """The store.

        Raises:
            MissingExtra: its driver is not installed.
            InputError: there is none.
        """
        return storage(self.scheme)

    def _found(self) -> Entry | None:
        """Return what is there; of what was just listed, as it was."""
        return self._listed or self.storage.find(str(self))

    def exists(self) -> bool:
        """Say whether there is an object of that name, or one below it."""
        return self.storage.find(str(self)) is not None

    def is_file(self) -> bool:
        """Say whether it is an object."""
        found = self._found()
        return found is not None and not found.is_folder

    def is_dir(self) -> bool:
        """Say whether objects are below it."""
        found = self._found()
        return found is not None and found.is_folder

    def is_symlink(self) -> bool:
        """Say no: stores know no links."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return the size of an object; nothing else of what files have.

        Raises:
            FileNotFoundError: there is none.
        """
        found = self._found()
        if found is None:
            raise FileNotFoundError(f"{self} does not exist")
        return os.stat_result((0, 0, 0, 1, 0, 0, found.size, 0, 0, 0))

    def iterdir(self) -> Generator[Self, None, None]:
        """Yield what is in the folder, by name."""
        yield from self._listing(deep=False)

    def glob(self, pattern: str) -> Generator[Self, None, None]:
        """Yield what in the folder has such a name."""
        yield from self._named(pattern, deep=False)

    def rglob(self, pattern: str) -> Generator[Self, None, None]:
        """Yield the objects of such a name, however deep; no folders."""
        yield from self._named(pattern, deep=True)

    def _named(self, pattern: str, *, deep: bool) -> Iterator[Self]:
        if "/" in pattern:
            raise NotImplementedError(f"{pattern}: names in a store are looked for, and not paths")
        return (path for path in self._listing(deep=deep) if fnmatch.fnmatchcase(path.name, pattern))

    def _listing(self, *, deep: bool) -> Iterator[Self]:
        for entry in self.storage.list(str(self), deep=deep):
            path = self / entry.name
            path._listed = entry
            yield path

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open an object for reading; it is written whole, by `put`.

        Raises:
            FileNotFoundError: there is none.
        """
        if mode not in ("r", "rt", "rb"):
            raise NotImplementedError(f"{self} cannot be opened with '{mode}': an object is written whole")
        file = io.BufferedReader(StoredFile(self), AHEAD)
        return file if mode == "rb" else io.TextIOWrapper(file, encoding or "utf-8", errors, newline)

    def put(self, file: Path) -> None:
        """Put a whole file there, in the place of what is there."""
        self.storage.put(str(self), file)

    def unlink(self, missing_ok: bool = False) -> None:  # noqa: FBT001, FBT002 - as a path has it
        """Remove the object."""
        self.storage.remove(str(self))

    def remove_tree(self) -> None:
        """Remove the object, or all that is below it; nothing where nothing is."""
        self.storage.remove_tree(str(self))

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:  # noqa: FBT001, FBT002
        """Do nothing: a folder is there once something is in it."""

    def resolve(self, strict: bool = False) -> Self:  # noqa: FBT001, FBT002
        """Return itself: it is whole."""
        return self

    def absolute(self) -> Self:
        """Return itself: it is whole."""
        return self

    def expanduser(self) -> Self:
        """Return itself."""
        return self

    def as_uri(self) -> str:
        """Return it as text."""
        return str(self)


class StoredFile(io.RawIOBase):
    """An object of a store as a file: each read is one request for just these bytes."""

    def __init__(self, path: StorePath) -> None:
        """Ask how long it is.

        Raises:
            FileNotFoundError: there is no such object.
        """
        self._path, self._at = path, 0
        self._size = path.stat().st_size

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return from where the next read is."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any object of bytes, as `io` has it
        """Fill a buffer as far as there is something left."""
        end = min(self._at + len(buffer), self._size)
        data = self._path.storage.read(str(self._path), min(self._at, end), end)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def opened(path: Path) -> Iterator[Path | IO[bytes]]:
    """Yield what a reader of Parquet takes: a path of this machine, or an object that is read in ranges.

    Raises:
        FileNotFoundError: there is no such object.
    """
    if not isinstance(path, StorePath):
        yield path
        return
    with StoredFile(path) as file:
        yield cast("IO[bytes]", file)
