"""Folder in, folder out: the folder of a stage, and the manifest that is written last.

A stage writes `.stage.json` (the configuration it runs under) first and its manifest last. Between the two
the folder is unfinished: running the same stage again resumes it, running another one raises `StaleOutput`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from featurizer.errors import InputError, StaleOutput
from featurizer.records import Json
from featurizer.results.files import PARTIAL, fingerprint, read_json, write_json

STAGE_FILE = ".stage.json"
CLEARING = "clearing"
"""Stands in `.stage.json` while --overwrite removes an earlier result."""


def refuse_foreign(folder: Path, manifest_name: str) -> None:
    """Refuse a folder that a stage must not write into, before any work is done.

    Raises:
        InputError: it is a file.
        StaleOutput: it holds something, but neither the stage's manifest nor an unfinished stage.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, expected a folder to write into; choose another --out")
    ours = (folder / manifest_name).exists() or (folder / STAGE_FILE).exists()
    if folder.is_dir() and not ours and any(not path.name.endswith(PARTIAL) for path in folder.iterdir()):
        raise StaleOutput(
            f"{folder} is not empty and holds no {manifest_name}; expected a new or empty folder, or one that the "
            "same command wrote (--overwrite replaces nothing else). Choose another --out."
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of a stage in one folder: claims it, says whether it is finished, and closes it.

    Attributes:
        folder: where the stage writes.
        manifest_name: the file whose presence means "finished", `catalog.json` for example.
        config: the resolved configuration and the fingerprints of the inputs.
        owned: the files and folders, relative to `folder`, that the stage writes beside its manifest;
            --overwrite removes these and nothing else.
    """

    folder: Path
    manifest_name: str
    config: Mapping[str, Json]
    owned: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The sha256 of the configuration; stands in the manifest."""
        return fingerprint(self.config)

    def claim(self, *, overwrite: bool) -> bool:
        """Take the folder for this configuration; return True when the stage is already finished there.

        Raises:
            StaleOutput: the folder holds another configuration's result, or something that is no stage's.
        """
        manifest, started = self.folder / self.manifest_name, self.folder / STAGE_FILE
        refuse_foreign(self.folder, self.manifest_name)
        found = self._found(overwrite=overwrite)
        if found is not None and found.get("fingerprint") == self.fingerprint:
            if manifest.exists():
                started.unlink(missing_ok=True)
            return manifest.exists()
        if found is not None:
            if not overwrite and CLEARING not in found:
                self._refuse(found)
            self._clear()
        write_json(started, {"fingerprint": self.fingerprint, "config": dict(self.config)})
        return False

    def _found(self, *, overwrite: bool) -> dict[str, Json] | None:
        for path in (self.folder / self.manifest_name, self.folder / STAGE_FILE):
            if path.exists():
                try:
                    return read_json(path)
                except InputError:
                    if not overwrite:
                        raise
                    return {}
        return None

    def _clear(self) -> None:
        """Remove what the stage owns; a kill in between leaves a folder that the next claim goes on clearing."""
        write_json(self.folder / STAGE_FILE, {CLEARING: True})
        for name in (self.manifest_name, *self.owned):
            path = self.folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _refuse(self, found: Mapping[str, Json]) -> None:
        before = found.get("config")
        differing = differing_keys(before if isinstance(before, dict) else {}, self.config)
        raise StaleOutput(
            f"{self.folder} holds the result of another configuration; differing: {', '.join(differing)}. "
            "Choose another --out, or pass --overwrite to replace it."
        )

    def reopen(self) -> None:
        """Mark a finished folder as unfinished, before its content changes; `finish` closes it again."""
        write_json(self.folder / STAGE_FILE, {"fingerprint": self.fingerprint, "config": dict(self.config)})
        (self.folder / self.manifest_name).unlink(missing_ok=True)

    def finish(self, manifest: Mapping[str, Json]) -> None:
        """Write the manifest, the last file of the stage, and drop the mark of an unfinished one."""
        write_json(
            self.folder / self.manifest_name,
            {**manifest, "fingerprint": self.fingerprint, "config": dict(self.config)},
        )
        (self.folder / STAGE_FILE).unlink(missing_ok=True)


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
