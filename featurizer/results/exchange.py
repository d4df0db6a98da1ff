"""Two folders that change places, so that whoever looks finds the one or the other, whole."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from featurizer.records import Json
from featurizer.results.files import PARTIAL, fingerprint, output_error, read_json
from featurizer.results.locks import LOCK_FILE
from featurizer.results.names import SIGNATURE
from featurizer.results.stage import STAGE_FILE

_HERE, _SWAP = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux; RENAME_SWAP of macOS is 2 as well."""


def begun_beside(folder: Path, manifest_name: str, config: Mapping[str, Json]) -> Path:
    """Return where what takes the place of a folder is made; what was begun there is kept if this configuration did.

    Args:
        folder: whose place is to be taken.
        manifest_name: of the stage that makes it.
        config: likewise.
    """
    new = folder.with_name(f".{folder.name}.update")
    marks = [new / name for name in (STAGE_FILE, manifest_name) if (new / name).exists()]
    if new.is_dir() and not any(read_json(mark).get("fingerprint") == fingerprint(config) for mark in marks):
        shutil.rmtree(new)
    return new


def put_in_place(folder: Path, new: Path, owned: Collection[str]) -> None:
    """Let a finished folder take the place of another, which goes; what is not its own stays.

    Args:
        folder: whose place is taken.
        new: beside it.
        owned: the names in it that the new one replaces.
    """
    for path in folder.iterdir():
        if path.name == LOCK_FILE:
            (new / LOCK_FILE).unlink(missing_ok=True)
            os.link(path, new / LOCK_FILE)  # whoever waits for the folder waits for the same lock
        elif path.name not in (*owned, SIGNATURE) and not path.name.endswith(PARTIAL):
            _copy(path, new / path.name)
    exchange(folder, new)
    shutil.rmtree(new)


def _copy(path: Path, to: Path) -> None:
    """Copy a file, a link or a folder, but for what is there already."""
    if path.is_dir() and not path.is_symlink():
        to.mkdir(exist_ok=True)
        for inside in path.iterdir():
            _copy(inside, to / inside.name)
    elif not to.exists():
        shutil.copy2(path, to, follow_symlinks=False)


def exchange(one: Path, other: Path) -> None:
    """Let two folders of one file system change places, in one step where it knows how.

    Where it does not, `one` is moved aside first; a kill in between leaves it there, and `restore` brings it back.

    Raises:
        OutputError: the folders cannot be moved.
    """
    try:
        if not _swapped(one, other):
            one.rename(_aside(one))
            other.rename(one)
            _aside(one).rename(other)
    except OSError as error:
        raise output_error(one, error) from error


def restore(folder: Path) -> bool:
    """Bring back what a killed `exchange` left aside, where nothing has come into its place; whether it did."""
    aside = _aside(folder)
    if not aside.is_dir():
        return False
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if any(not name.startswith(".") for name in there):
        shutil.rmtree(aside)  # the new one is in its place: this is the old one
        return False
    for name in there:  # the lock of whoever is at it
        (folder / name).replace(aside / name)
    if folder.is_dir():
        folder.rmdir()
    aside.rename(folder)
    return True


def _aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.aside")


def _swapped(one: Path, other: Path) -> bool:
    """Exchange them by the system's own call; whether there is one that works on this file system."""
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(library, "renameat2"):
        return bool(library.renameat2(_HERE, names[0], _HERE, names[1], _SWAP) == 0)
    if hasattr(library, "renamex_np"):
        return bool(library.renamex_np(names[0], names[1], _SWAP) == 0)
    return False
