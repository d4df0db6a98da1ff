"""In which encoding somebody saved a text: its mark decides, then its bytes, and why is told."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from featurizer.unpacked import open_lines

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What a file begins with, and the codec that reads it; the first that fits."""
UTF8 = "utf-8"
_CHUNK = 1 << 20
_FEW = 8
"""So many bytes beside each other may be an accident of Western text."""
_NO_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_ODD = re.compile(rb"[\x81-\x83\x86-\x88\x8d\x8f\x90\x98\x9d]")
_HIGH = re.compile(rb"[\x80-\xff]+")
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec and why it was taken.

    Attributes:
        codec: by Python's name.
        reason: as it is told; empty for UTF-8, which is what everybody expects.
    """

    codec: str
    reason: str = ""


def marked(start: bytes) -> str | None:
    """Return the codec that a file's first bytes say, None where they say none."""
    return next((codec for mark, codec in MARKS if start.startswith(mark)), None)


def sniff(path: Path) -> Encoding | None:
    """Return the encoding of a text file, packed or not; None where it is damaged UTF-8 or of no Western alphabet.

    The mark decides. Without one: UTF-16 where every other byte is NUL in much of the start; UTF-8 where all bytes
    are; else Windows-1252, or Latin-1 where it holds bytes that Windows-1252 lacks. One wrong byte among letters that
    are UTF-8 does not make a file Windows-1252; and letters of several bytes each are neither of the two.

    Raises:
        InputError: it has a line longer than any table's, or unpacks to far more than one holds.
        OSError: it cannot be read.
    """
    with open_lines(path) as file:
        start = file.read(_CHUNK)
        codec = marked(start)
        if codec is not None:
            return Encoding(codec, "" if codec == "utf-8-sig" else "its byte order mark")
        if (wide := _utf16(start)) is not None:
            return wide
        if _is_utf8(start, file):
            return Encoding(UTF8)
    with open_lines(path) as file:
        found = _counted(file)
    if found.is_damaged_utf8 or found.is_foreign:
        return None
    name = ("cp1252", "Windows-1252") if found.in_cp1252 else ("latin-1", "Latin-1")
    return Encoding(name[0], f"it is no UTF-8, and {name[1]} has all its bytes")


def _is_utf8(chunk: bytes, file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder(UTF8)()
    try:
        while chunk:
            decoder.decode(chunk)
            chunk = file.read(_CHUNK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(slots=True)
class _Bytes:
    """What a text that is no UTF-8 holds.

    Attributes:
        letters: of UTF-8.
        wrong: bytes that are of no such letter.
        high: bytes above ASCII.
        alone: of these, without another beside them.
        odd: of these, rare in Western text.
        in_cp1252: whether Windows-1252 has them all.
    """

    letters: int = 0
    wrong: int = 0
    high: int = 0
    alone: int = 0
    odd: int = 0
    in_cp1252: bool = True

    @property
    def is_damaged_utf8(self) -> bool:
        return self.letters > self.wrong

    @property
    def is_foreign(self) -> bool:
        return self.high > _FEW and (2 * self.alone < self.high or 5 * self.odd > self.high)


def _counted(file: BinaryIO) -> _Bytes:
    found = _Bytes()
    for line in file:
        if line.isascii():
            continue
        runs = [len(run) for run in _HIGH.findall(line)]
        found.letters += len(_UTF8_LETTER.findall(line))
        found.wrong += sum(map(len, _HIGH.findall(_UTF8_LETTER.sub(b" ", line))))
        found.high += sum(runs)
        found.alone += runs.count(1)
        found.odd += len(_ODD.findall(line))
        found.in_cp1252 = found.in_cp1252 and not _NO_CP1252.search(line)
    return found


def _utf16(start: bytes) -> Encoding | None:
    """Return UTF-16 without a mark where NUL stands at nearly all even, or nearly all odd places with one."""
    head = start[: 1 << 14]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if even + odd < max(2, len(head) // 50) or min(even, odd) > (even + odd) // 20:
        return None
    codec = "utf-16-be" if even > odd else "utf-16-le"
    try:
        codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeDecodeError:
        return None
    return Encoding(codec, "every other byte is NUL")
