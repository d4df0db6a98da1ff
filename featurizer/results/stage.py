"""Folder in, folder out: fingerprints, atomic files and the manifest that is written last.

A stage writes `.stage.json` (the configuration it runs under) first and its manifest last. Between the two
the folder is unfinished: running the same stage again resumes it, running another one raises `StaleOutput`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from featurizer.errors import InputError, OutputError, StaleOutput
from featurizer.records import Json

STAGE_FILE = ".stage.json"
PARTIAL = ".partial"
"""Ends the name of a file that is being written."""
CLEARING = "clearing"
"""Stands in `.stage.json` while --overwrite removes an earlier result."""


def fingerprint(config: Mapping[str, Json]) -> str:
    """Return a sha256 that two configurations share exactly when they are equal as JSON."""
    canonical = json.dumps(config, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and rename it into place when the block ends well.

    The file is flushed to disk before the rename, so a kill leaves either the old file or the new one.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the temporary file is gone by then.
    """
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def output_error(path: Path, error: OSError) -> OutputError:
    """Turn a refused write into a message that says what to do."""
    if error.errno == errno.ENOSPC or "No space left" in str(error):
        what = "the disk is full"
        cure = "Free some space and run the same command again: finished parts are kept"
    else:
        what = error.strerror or str(error)
        cure = "Check that the folder exists and may be written, then run the same command again"
    return OutputError(f"could not write {path}: {what}. {cure}.")


def write_json(path: Path, value: Mapping[str, Json]) -> None:
    """Write a JSON file atomically, indented, non-ASCII kept."""
    with atomic_path(path) as partial:
        partial.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_json(path: Path) -> dict[str, Json]:
    """Read a JSON object.

    Raises:
        InputError: the file is missing, is not JSON, or holds something other than an object.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; is {path.parent} the folder of a finished stage?") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a JSON {type(value).__name__}, expected an object")
    return value


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
