"""Folder in, folder out: the folder of a stage, and the manifest that is written last.

A stage writes `.stage.json` (the configuration it runs under) first and its manifest last. Between the two
the folder is unfinished: running the same stage again resumes it, running another one raises `StaleOutput`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurizer.errors import StaleOutput
from featurizer.records import Json
from featurizer.results.exchange import restore
from featurizer.results.files import (
    PARTIAL,
    fingerprint,
    read_json,
    refuse_file,
    remove_leftovers,
    remove_tree,
    write_json,
)
from featurizer.results.locks import is_locked_alone, is_shared
from featurizer.results.names import SIGNATURE
from featurizer.results.seal import sealed
from featurizer.results.spelling import renamed
from featurizer.results.state import FOLDER as BOOK
from featurizer.results.store_lock import LOCK_FILE
from featurizer.results.store_path import StorePath

STAGE_FILE = ".stage.json"
CLEARING = "clearing"
"""Stands in `.stage.json` while --overwrite removes an earlier result."""


def is_local(name: str) -> bool:
    """Say whether what has that name is no part of a result: being written, who writes, or the state book."""
    return name.endswith(PARTIAL) or name in (LOCK_FILE, BOOK)


def refuse_foreign(folder: Path, manifest_name: str) -> None:
    """Refuse a folder that a stage must not write into, before any work is done.

    Raises:
        InputError: it is a file.
        StaleOutput: it holds something, but neither the stage's manifest nor an unfinished stage.
    """
    refuse_file(folder)
    ours = (folder / manifest_name).exists() or (folder / STAGE_FILE).exists()
    if folder.is_dir() and not ours and any(not is_local(path.name) for path in folder.iterdir()):
        raise StaleOutput(
            f"{folder} is not empty and holds no {manifest_name}; expected a new or empty folder, or one that the "
            "same command wrote (--overwrite replaces nothing else). Choose another --out."
        )


def refuse_others(folder: Path, holds: Collection[str], what: str) -> None:
    """Refuse a folder that holds anything but these names, before any work is done.

    Args:
        folder: which; it need not be there.
        holds: what may stand in it.
        what: who writes it, for the message: `'featurizer train' wrote`.

    Raises:
        InputError: it is a file.
        StaleOutput: it holds something else.
    """
    refuse_file(folder)
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    foreign = sorted(name for name in names if name not in holds and not is_local(name))
    if foreign:
        raise StaleOutput(
            f"{folder} holds {', '.join(foreign[:3])}{', …' if len(foreign) > 3 else ''}, expected a new or empty "
            f"folder, or one that {what}; choose another one"
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of a stage in one folder: claims it, says whether it is finished, and closes it.

    Attributes:
        folder: where the stage writes.
        manifest_name: the file whose presence means "finished", `catalog.json` for example.
        config: the resolved configuration and the fingerprints of the inputs.
        owned: the files and folders, relative to `folder`, that the stage writes beside its manifest;
            --overwrite removes these, a signature over them, and nothing else.
        updates: whether --update brings a result of other inputs up to date.
    """

    folder: Path
    manifest_name: str
    config: Mapping[str, Json]
    owned: tuple[str, ...] = ()
    updates: bool = False

    @property
    def fingerprint(self) -> str:
        """The sha256 of the configuration; stands in the manifest."""
        return fingerprint(self.config)

    @property
    def _manifest(self) -> Path:
        return self.folder / self.manifest_name

    @property
    def _started(self) -> Path:
        return self.folder / STAGE_FILE

    @property
    def is_finished(self) -> bool:
        """Whether its manifest is written."""
        return self._manifest.exists()

    def claim(self, *, overwrite: bool) -> bool:
        """Take the folder for this configuration; return True when the stage is already finished there.

        Args:
            overwrite: replace what the stage left there before, finished or not, under whatever configuration;
                so nothing is finished yet, and a run claims a folder that way once.

        Raises:
            StaleOutput: the folder holds another configuration's result, or something that is no stage's.
            InputError: the manifest there is damaged.
        """
        restore(self.folder)
        refuse_foreign(self.folder, self.manifest_name)
        remove_leftovers(self.folder.rglob(f".*{PARTIAL}"), alone=is_locked_alone(self.folder))
        if overwrite or self._is_half_cleared() or (self._is_bare() and not is_shared(self.folder)):
            self._clear()
        elif self._is_begun():
            return self._resume()
        self._begin()
        return False

    def _is_begun(self) -> bool:
        return self._manifest.exists() or self._started.exists()

    def _is_half_cleared(self) -> bool:
        """Whether a run with --overwrite was stopped while it removed an earlier result."""
        return not self._manifest.exists() and self._started.exists() and CLEARING in read_json(self._started)

    def _is_bare(self) -> bool:
        """Whether a run was begun there and left nothing: it failed on what it was given, say."""
        return (
            not self._manifest.exists()
            and self._started.exists()
            and not any((self.folder / name).exists() for name in self.owned)
        )

    def _resume(self) -> bool:
        """Go on with what is there; whether it is finished."""
        finished = self._manifest.exists()
        found = read_json(self._manifest if finished else self._started)
        if not self._is_of(found):
            self._refuse(found)
        if finished:
            self._started.unlink(missing_ok=True)
        return finished

    def _is_of(self, found: Mapping[str, Json]) -> bool:
        """Say whether a manifest is of this configuration, in either spelling; what was not known then is not given."""
        recorded, before = found.get("fingerprint"), found.get("config")
        if recorded == self.fingerprint:
            return True
        if not isinstance(before, dict) or recorded != fingerprint(before):
            return False
        return not self._differing(before)

    def _differing(self, before: Mapping[str, Json]) -> list[str]:
        asked: dict[str, Json] = json.loads(json.dumps(dict(self.config)))  # tuples as lists
        return differing_keys(renamed(before), asked)

    def _begin(self) -> None:
        write_json(self._started, {"fingerprint": self.fingerprint, "config": dict(self.config)})

    def _clear(self) -> None:
        """Remove what the stage owns; a kill in between leaves a folder that the next claim goes on clearing."""
        if not self._is_begun():
            return
        write_json(self._started, {CLEARING: True})
        for name in (self.manifest_name, SIGNATURE, *self.owned):
            remove_tree(self.folder / name)

    def _refuse(self, found: Mapping[str, Json]) -> None:
        before = found.get("config")
        differing = self._differing(before if isinstance(before, dict) else {})
        differing = differing or ["its fingerprint is not that of its configuration"]
        stored = isinstance(self.folder, StorePath)  # where folders do not change places
        raise StaleOutput(
            f"{self.folder} holds the result of another configuration; differing: {', '.join(differing)}. "
            "Choose another --out, or pass --overwrite to replace it"
            + (", or --update to bring it up to date." if self.updates and not stored else ".")
        )

    def reopen(self) -> None:
        """Mark a finished folder as unfinished, before its content changes; `finish` closes it again.

        A signature over what it held goes: it would not hold any more.
        """
        self._begin()
        (self.folder / SIGNATURE).unlink(missing_ok=True)
        self._manifest.unlink(missing_ok=True)

    def finish(self, manifest: Mapping[str, Json]) -> None:
        """Write the manifest, the last file of the stage, and drop the mark of an unfinished one."""
        told = {**manifest, "fingerprint": self.fingerprint, "config": dict(self.config)}
        write_json(self._manifest, sealed(told))
        self._started.unlink(missing_ok=True)


def differing_keys(before: Mapping[str, Json], after: Mapping[str, Json], prefix: str = "") -> list[str]:
    """Name the keys in which two configurations differ, dotted, each with both values."""
    names: list[str] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            names += differing_keys(old, new, f"{prefix}{key}.")
        else:
            names.append(f"{prefix}{key} ({_short(old, 'there')}, {_short(new, 'asked for')})")
    return names


def _short(value: Json, where: str) -> str:
    if value is None:
        return f"not {where}"
    text = "one" if isinstance(value, dict) else json.dumps(value, ensure_ascii=False)
    return f"{text} {where}" if len(text) <= 40 else f"{text[:12]}…{text[-9:]} {where}"
