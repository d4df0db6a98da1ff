"""A finished folder that another takes the place of: made beside it, under `.NAME.update`, and put there in one step.

`.NAME.update.json` says what the work there is of: the configuration, and the folder as it was. Whatever else lies
there is not gone on with: an old folder that a kill left there after both had changed places, or what was begun from
another.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from featurizer.errors import OutputError
from featurizer.records import Json
from featurizer.results.exchange import exchange
from featurizer.results.files import (
    PARTIAL,
    atomic_path,
    fingerprint,
    output_error,
    read_json,
    write_json,
)
from featurizer.results.names import SIGNATURE
from featurizer.results.stage import refuse_foreign
from featurizer.results.state import FOLDER as BOOK
from featurizer.results.store_path import StorePath

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
"""What a file system says that knows no second names, or has given a file too many."""


def begun_beside(
    folder: Path, manifest_name: str, config: Mapping[str, Json], of: Mapping[str, Json]
) -> Path:
    """Return where what takes the place of a folder is made; what was begun there is kept if it is of the same.

    Args:
        folder: whose place is to be taken.
        manifest_name: of the stage that makes it.
        config: likewise.
        of: the identity of what stands in the folder now.

    Raises:
        OutputError: the folder is in an object store, or a disk of its own, so that nothing can take its place.
        StaleOutput: something else lies there.
    """
    if isinstance(folder, StorePath):
        raise OutputError(
            f"{folder} is an object store, where folders cannot change places; expected a folder of this machine. Make "
            "it anew with --overwrite, or keep it here and copy it there"
        )
    folder = folder.resolve()
    if folder.stat().st_dev != folder.parent.stat().st_dev:
        raise OutputError(
            f"{folder} is a disk of its own, and no other folder can take its place; expected a folder in it. "
            "Choose another --out, or make it anew with --overwrite."
        )
    new = _new(folder)
    told: dict[str, Json] = {"fingerprint": fingerprint(config), "of": dict(of)}
    mark = _mark(folder)
    if not mark.exists() or read_json(mark) != told:
        if not mark.exists():
            refuse_foreign(new, manifest_name)
        write_json(mark, {})  # of nothing, until what lies there is gone
        _remove(new)
        write_json(mark, told)
    return new


def put_in_place(folder: Path, owned: Collection[str]) -> None:
    """Let what was made beside a folder take its place; of the old one what is not its own stays, the state book aside.

    Args:
        folder: whose place is taken.
        owned: the names in it that the new one replaces.

    Raises:
        OutputError: the folders cannot change places.
    """
    folder = folder.resolve()
    new, old = _new(folder), folder.with_name(f".{folder.name}.old")
    try:
        _remove(old)
        for path in folder.iterdir():
            if path.name not in (*owned, SIGNATURE, BOOK) and not path.name.endswith(PARTIAL):
                link(path, new / path.name, replace=True)
        exchange(folder, new)
        new.rename(old)
        _mark(folder).unlink()
        shutil.rmtree(old)
    except OSError as error:
        raise output_error(folder, error) from error


def link(path: Path, to: Path, *, replace: bool) -> None:
    """Give a file a second name; of a folder all that it holds. A symbolic link is made again.

    Args:
        path: what.
        to: the second name.
        replace: in the place of what has that name; else that stays.
    """
    if path.is_dir() and not path.is_symlink():
        to.mkdir(parents=True, exist_ok=True)
        for inside in path.iterdir():
            link(inside, to / inside.name, replace=replace)
        return
    if to.is_symlink() or to.exists():
        if not replace:
            return
        to.unlink()
    try:
        os.link(path, to, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise output_error(to, error) from error
        with atomic_path(to) as partial:
            shutil.copy2(path, partial)


def _remove(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise output_error(folder, error) from error


def _new(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.update")


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.update.json")
