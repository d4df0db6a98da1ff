"""Text as people save it: UTF-8, or UTF-16 and UTF-32 by their mark; of all else line, byte and cure are told."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import shlex
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from featurizer.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What a file begins with, and the codec that reads it; the first that fits."""
SHOWN = 20
"""Letters around a byte that are shown."""
_BUFFER = 1 << 16


def encoding_of(path: Path) -> str:
    """Return the codec of a file, by its first bytes; UTF-8 where they say nothing.

    Raises:
        OSError: it cannot be read.
    """
    with open_bytes(path) as file:
        start = file.read(4)
    return next((codec for mark, codec in MARKS if start.startswith(mark)), "utf-8")


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, also one packed with gzip; damage to the packing is an OSError when it is read, as of any file.

    Raises:
        OSError: it cannot be read.
    """
    if path.suffix.lower() != ".gz":
        return path.open("rb")
    return cast("BinaryIO", io.BufferedReader(_Unpacked(path), _BUFFER))


class _Unpacked(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self._file = gzip.GzipFile(path, "rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        try:
            return self._file.readinto(buffer)
        except (EOFError, zlib.error) as error:
            raise gzip.BadGzipFile(f"its gzip is damaged: {error}") from error

    def close(self) -> None:
        self._file.close()
        super().close()


def open_text(path: Path) -> TextIO:
    """Open a text file, also one packed with gzip; line ends stay as they are.

    Raises:
        OSError: it cannot be read.
    """
    encoding = encoding_of(path)
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline="")


def read_text(path: Path) -> str:
    """Return a text file's content.

    Raises:
        InputError: it is not in the encoding that its first bytes say.
        OSError: it cannot be read.
    """
    try:
        with open_text(path) as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise not_text(path) from error


def utf8_lines(path: Path) -> Iterator[bytes]:
    """Yield a file's lines as UTF-8 without a mark, whatever they are saved in; of UTF-8 wrong bytes stay in them.

    Raises:
        InputError: it is UTF-16 or UTF-32 by its first bytes, and not further on.
        OSError: it cannot be read.
    """
    encoding = encoding_of(path)
    if encoding.startswith("utf-8"):
        with open_bytes(path) as file:
            for number, line in enumerate(file):
                yield line.removeprefix(codecs.BOM_UTF8) if number == 0 else line
        return
    try:
        with open_text(path) as text:
            for words in text:
                yield words.encode()
    except UnicodeDecodeError as error:
        raise not_text(path) from error


def csv_rows(
    file: TextIO, separator: str, *, quoted: bool = True, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that each row begins in, from 1, and its cells; the header is the first.

    Args:
        file: as `open_text` opens it.
        separator: of cells.
        quoted: whether a cell may be put in `"`; else that is a letter.
        strict: refuse quotes that end within a cell.

    Raises:
        csv.Error: a quote is not closed, and `strict`.
    """
    csv.field_size_limit(1 << 30)
    reader = csv.reader(
        file, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=strict
    )
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def not_text(path: Path) -> InputError:
    """Return the error for a file whose bytes are not what its encoding has: which line, which byte, what to do."""
    codec = encoding_of(path).upper()
    return wrong_byte(path) or InputError(
        f"{path} begins as {codec} and is damaged further on. Save it again as UTF-8."
    )


def wrong_byte(path: Path) -> InputError | None:
    """Return the error for the first byte that is no UTF-8; None where all are, and for UTF-16 and UTF-32."""
    if not encoding_of(path).startswith("utf-8"):
        return None
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return InputError(
                    f"{path} is not UTF-8: line {number} {_byte(line, error.start)}. {_cure(path)}"
                )
    return None


def separator_hint(columns: Sequence[str]) -> str:
    """Return what to do about a header of one column that holds another separator, after a blank; else nothing."""
    cures = {
        ";": "save it with commas",
        "|": "save it with commas",
        "\t": "name it .tsv",
        ",": "name it .csv",
    }
    mark = next((mark for mark in cures if mark in columns[0]), "") if len(columns) == 1 else ""
    return (
        f" It seems to be separated by {'tabs' if mark == '	' else repr(mark)}: {cures[mark]}."
        if mark
        else ""
    )


def _byte(line: bytes, place: int) -> str:
    around = line[max(0, place - SHOWN) : place + SHOWN].decode("cp1252", "replace").strip()
    return f"holds the byte 0x{line[place]:02x} at place {place + 1}, in “{around}” if it is Windows-1252"


def _cure(path: Path) -> str:
    return (
        "Save it as UTF-8 (in a spreadsheet: CSV UTF-8), or convert it: "
        f"iconv -f WINDOWS-1252 -t UTF-8 {shlex.quote(str(path))} > NEW, with the encoding that it really has"
    )
