"""A file on its way: the bytes so far, and beside them a note of which version of which address they are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from featurizer.discretion import without_login
from featurizer.errors import InputError
from featurizer.results.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class PartialFile:
    """What has arrived of `target`: `<target>.partial`, and `<target>.partial.json` that says of what.

    The bytes are emptied before the note is replaced, so that a kill at any instant leaves no bytes under
    another version's note.
    """

    target: Path

    @property
    def path(self) -> Path:
        """Where the bytes gather."""
        return self.target.with_name(f"{self.target.name}.partial")

    @property
    def note(self) -> Path:
        """Where address and version are noted."""
        return self.target.with_name(f"{self.target.name}.partial.json")

    @property
    def size(self) -> int:
        """How many bytes have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> str | None:
        """Return the version whose first `size` bytes are here, None when there is nothing to go on from."""
        if not self.size or not self.note.exists():
            return None
        try:
            note = read_json(self.note)
        except InputError:
            return None
        version = note.get("version")
        return version if note.get("url") == without_login(url) and isinstance(version, str) else None

    def restart(self, url: str, version: str | None) -> BinaryIO:
        """Open from the first byte; what arrives without a version (an ETag, a date) is not gone on with."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        write_json(self.note, {"url": without_login(url), "version": version})
        return self.path.open("wb")

    def resume(self) -> BinaryIO:
        """Open behind the last byte."""
        return self.path.open("ab")

    def finish(self) -> None:
        """Flush the bytes to disk and give them their name."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self.target)
        self.note.unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget what has arrived."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
