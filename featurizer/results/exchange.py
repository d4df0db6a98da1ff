"""Two folders that change places, so that whoever looks finds the one or the other, whole.

A file system that knows no such step leaves an instant without either; whoever writes there next brings back the old.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

from featurizer.results.files import output_error

_HERE, _SWAP = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux; RENAME_SWAP of macOS is 2 as well."""


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
