"""Files as bytes, packed or not: gzip and zstd are known by their first bytes, and none of them fills the memory."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from featurizer.errors import InputError

if TYPE_CHECKING:
    from io import RawIOBase

    from _typeshed import WriteableBuffer

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""What packed files begin with."""
PACKED_SUFFIXES = (".gz", ".zst", ".zstd")
"""Of names; what is in the file decides, but for one that says it is packed and is not."""
LONGEST_LINE = 1 << 26
"""Bytes; what has a longer line is no table, and is refused before it is in memory."""
ALWAYS_UNPACKED = 1 << 28
"""So many bytes may come out of any file, however small it is."""
MOST_UNPACKED = 250
"""Beyond these, so many bytes for each packed one; tables come to 5 to 50."""
_BUFFER = 1 << 16


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, also one packed with gzip or zstd; damage to the packing is an OSError, as of any file.

    Raises:
        InputError: when it is read, and far more comes out of it than any table holds.
        OSError: it cannot be read.
    """
    packing = packing_of(path)
    return path.open("rb") if packing is None else _buffered(_Unpacked(path, packing))


def open_lines(path: Path) -> BinaryIO:
    """Open a file of lines like `open_bytes`, refusing lines that are longer than any table's.

    Raises:
        InputError: when it is read, and a line is too long or the packing too tight.
        OSError: it cannot be read.
    """
    return _buffered(_Lines(path, open_bytes(path)))


def packing_of(path: Path) -> str | None:
    """Return `gzip`, `zstd`, or None for a file that is not packed.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(GZIP):
        return "gzip"
    if start == ZSTD:
        return "zstd"
    return {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}.get(path.suffix.lower())


def unpacked_name(path: Path) -> str:
    """Return a file's name in small letters without what says that it is packed."""
    name = path.name.lower()
    return next((name.removesuffix(end) for end in PACKED_SUFFIXES if name.endswith(end)), name)


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(raw, _BUFFER))


class _Unpacked(io.RawIOBase):
    def __init__(self, path: Path, packing: str) -> None:
        self._path, self._count = path, 0
        self._packed = path.open("rb")
        unpacking = gzip.GzipFile(fileobj=self._packed) if packing == "gzip" else _zstd(self._packed)
        self._file = cast("RawIOBase", unpacking)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        try:
            count = self._file.readinto(buffer) or 0
        except (EOFError, zlib.error) as error:
            raise gzip.BadGzipFile(f"its gzip is damaged: {error}") from error
        self._count += count
        if self._count > ALWAYS_UNPACKED and self._count > MOST_UNPACKED * self._packed.tell():
            raise InputError(
                f"{self._path} unpacks to more than {self._count >> 20:,} MB from its first "
                f"{self._packed.tell() / 2**20:,.1f} MB; expected at most {MOST_UNPACKED} bytes for each packed one. "
                "If you mean it, unpack it yourself first"
            )
        return count

    def close(self) -> None:
        self._file.close()
        self._packed.close()
        super().close()


def _zstd(packed: BinaryIO) -> object:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")


class _Lines(io.RawIOBase):
    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._length, self._line = 0, 1

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        chunk = self._file.read1(len(memoryview(buffer)))  # type: ignore[attr-defined]
        memoryview(buffer)[: len(chunk)] = chunk
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        if end < 0:
            self._length += len(chunk)
            if self._length > LONGEST_LINE:
                raise InputError(
                    f"{self._path}: line {self._line:,} is longer than {LONGEST_LINE >> 20} MB; expected a table with "
                    "a row a line"
                )
        else:
            self._line += chunk.count(b"\n")
            self._length = len(chunk) - end - 1
        return len(chunk)

    def close(self) -> None:
        self._file.close()
        super().close()
