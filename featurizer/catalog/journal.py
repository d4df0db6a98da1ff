"""What has arrived for an unfinished part, kept as it comes: a kill loses only what was in flight.

`items/part-00003.journal` is only ever appended to. A record is a line of JSON that says what became of one row, and
the bytes of its picture, framed by their lengths and a checksum; what a kill tore off at the end is cut away when the
journal is opened again. It is removed once its part is there. The journal of a part in an object store, where nothing
can be appended to, lies on this machine, in the folder for temporary files.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, TypeAlias

from featurizer.errors import OutputError
from featurizer.records import FetchedImage
from featurizer.results.files import output_error, scratch
from featurizer.results.store_path import StorePath

_FRAME: Final = struct.Struct("<III")
"""Length of the JSON, length of the picture, CRC-32 of both and of the JSON."""
AT_ONCE: Final = 256
"""Records that are written in one go: the system takes 1,024 pieces at most."""
MOST_AHEAD: Final = 8 * 2**20
"""Bytes of pictures that are read in one go."""
NOTHING_AHEAD: Final = (0, b"")
_encoded: Final = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


Slot: TypeAlias = tuple[int, int]
"""A row of a part, and which of its pictures; 0 is the first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture of a row, without its bytes.

    Attributes:
        row: place in the part, from 0.
        status: `ok`, `none` or the reason.
        sha256: of what was received.
        width: in pixels.
        height: likewise.
        path: the file name to record.
        tries: how often it was asked for.
        first: Unix time of the first try.
        last: likewise of the last.
        etag: as the server says.
        last_modified: likewise.
        size: bytes of the picture.
        start: where in the journal they are.
        place: which of the row's pictures it is; 0 is the first.
    """

    row: int
    status: str
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    path: str | None = None
    tries: int = 0
    first: float | None = None
    last: float | None = None
    etag: str | None = None
    last_modified: str | None = None
    size: int = 0
    start: int = 0
    place: int = 0

    @property
    def slot(self) -> Slot:
        """Row and place."""
        return self.row, self.place


class Journal:
    """The journal of one part, open for appending and for reading back; safe to use from many threads."""

    def __init__(self, path: Path) -> None:
        """Open a journal or begin one.

        Args:
            path: its file.

        Raises:
            OutputError: it cannot be written.
        """
        self.path, self._lock, self._ahead = path, threading.Lock(), NOTHING_AHEAD
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self.kept = self._replay()
        except OSError as error:
            raise output_error(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _replay(self) -> dict[Slot, Outcome]:
        """Read what is whole, by slot, and cut the rest away."""
        kept: dict[Slot, Outcome] = {}
        self._end = 0
        size = os.fstat(self._file).st_size
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(0)
            while (outcome := _read(file, size - self._end)) is not None:
                kept[outcome.slot] = outcome
                self._end = outcome.start + outcome.size
        os.ftruncate(self._file, self._end)
        return kept

    def add(self, slot: Slot, image: FetchedImage) -> Outcome:
        """Keep what became of a picture.

        Raises:
            OutputError: the disk is full, say.
        """
        return self.add_all([(slot, image)])[0]

    def add_all(self, arrived: Sequence[tuple[Slot, FetchedImage]]) -> list[Outcome]:
        """Keep what became of some pictures, in one go.

        Raises:
            OutputError: the disk is full, say.
        """
        records = [_record(slot, image) for slot, image in arrived]
        outcomes: list[Outcome] = []
        with self._lock:
            place = self._end
            try:
                for first in range(0, len(records), AT_ONCE):
                    some = records[first : first + AT_ONCE]
                    _write(self._file, [piece for _, *pieces in some for piece in pieces], place)
                    for told, frame, data in some:
                        outcomes.append(Outcome(**told, start=place + len(frame)))
                        place += len(frame) + len(data)
            except OSError as error:
                raise output_error(self.path, error) from error
            self._end = place
        return outcomes

    def read(self, outcome: Outcome) -> bytes | None:
        """Return the bytes of a picture, None where there is none."""
        if not outcome.size:
            return None
        start, ahead = self._ahead
        first = outcome.start - start
        if 0 <= first <= len(ahead) - outcome.size:
            return ahead[first : first + outcome.size]
        data = os.pread(self._file, outcome.size, outcome.start)
        while len(data) < outcome.size:
            more = os.pread(self._file, outcome.size - len(data), outcome.start + len(data))
            if not more:
                raise OutputError(
                    f"{self.path} is shorter than what was written to it. Run the same command again"
                )
            data += more
        return data

    def read_ahead(self, outcomes: Sequence[Outcome]) -> None:
        """Read in one go what `read` will be asked for next, where it lies close together, as most does."""
        stored = [outcome for outcome in outcomes if outcome.size]
        start = min((outcome.start for outcome in stored), default=0)
        size = max((outcome.start + outcome.size for outcome in stored), default=0) - start
        near = size <= min(MOST_AHEAD, 2 * sum(outcome.size for outcome in stored))
        self._ahead = (start, os.pread(self._file, size, start)) if near else NOTHING_AHEAD

    def close(self) -> None:
        """Close the file, once what is being added is, and leave it."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def remove(self) -> None:
        """Close the file and remove it: its part is there."""
        self.close()
        self.path.unlink(missing_ok=True)


def journal_path(part: Path, *, again: bool = False) -> Path:
    """Return the journal of a part file, of a new one or of one whose failed pictures are asked for again."""
    if isinstance(part, StorePath):
        part = scratch() / f"{part.stem}-{hashlib.sha256(str(part).encode()).hexdigest()[:32]}"
    return part.with_suffix(".again.journal" if again else ".journal")


def _record(slot: Slot, image: FetchedImage) -> tuple[dict[str, Any], bytes, bytes]:
    """Return what an outcome says, what stands before the picture's bytes, and these."""
    data = image.data or b""
    told = {
        "row": slot[0],
        "place": slot[1],
        "status": image.status,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "path": image.path,
        "tries": image.attempts,
        "first": image.first,
        "last": image.last,
        "etag": image.etag,
        "last_modified": image.last_modified,
        "size": len(data),
    }
    head = _encoded({name: value for name, value in told.items() if value is not None}).encode()
    return told, _FRAME.pack(len(head), len(data), _checksum(head, len(data))) + head, data


def _write(file: int, pieces: list[bytes], at: int) -> None:
    total = sum(map(len, pieces))
    done = os.pwritev(file, pieces, at)
    if done < total:
        rest = b"".join(pieces)
        while done < total:
            done += os.pwrite(file, rest[done:], at + done)


def _checksum(head: bytes, size: int) -> int:
    return zlib.crc32(head, zlib.crc32(struct.pack("<II", len(head), size)))


def _read(file: BinaryIO, left: int) -> Outcome | None:
    """Read one record of at most `left` bytes; None at the end, and where it is torn."""
    frame = file.read(_FRAME.size)
    if len(frame) < _FRAME.size:
        return None
    length, size, checksum = _FRAME.unpack(frame)
    # A loss of power may leave zeros: of no bytes at all the checksum is 0.
    if not length or _FRAME.size + length + size > left:
        return None
    head = file.read(length)
    if _checksum(head, size) != checksum:
        return None
    try:
        outcome = Outcome(**json.loads(head), start=file.tell())
    except (ValueError, TypeError):
        return None
    data = file.read(size)
    if size and hashlib.sha256(data).hexdigest() != outcome.sha256:
        return None
    return outcome
