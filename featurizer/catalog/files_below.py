"""What lies below somebody's folder, whatever its names are and wherever its links lead."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FilesBelow:
    """The files of a folder and of its subfolders.

    Attributes:
        files: ordered by path; links among them, where they lead nowhere too.
        linked_folders: links to folders, which are not entered.
    """

    files: tuple[Path, ...]
    linked_folders: tuple[Path, ...]


def files_below(folder: Path) -> FilesBelow:
    """List a folder; what may not be looked into is left out."""
    files: list[Path] = []
    linked: list[Path] = []
    for place, folders, names in os.walk(folder):
        files += [Path(place, name) for name in names]
        linked += [path for name in folders if (path := Path(place, name)).is_symlink()]
    return FilesBelow(tuple(sorted(files)), tuple(sorted(linked)))


def readable(path: str | Path) -> str:
    r"""Return a path as text that any file can hold: bytes that are no UTF-8 become `\xe9` and the like."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_readable(path: Path) -> bool:
    """Say whether a path is UTF-8."""
    return readable(path) == str(path)
