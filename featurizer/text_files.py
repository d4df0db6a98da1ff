"""Text as people save it: in the encoding that its mark or its bytes say, or that is named; rows of separated cells."""

from __future__ import annotations

import codecs
import csv
import io
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from featurizer.encodings import UTF8, Encoding, marked, sniff
from featurizer.errors import InputError
from featurizer.unpacked import LONGEST_LINE, open_lines, packing_of

SHOWN = 20
"""Letters around a byte that are shown."""


def encoding_of(path: Path, named: str | None = None) -> Encoding:
    """Return the encoding of a file: the one that is named, or what its bytes say.

    Raises:
        InputError: there is no encoding of that name, or none that fits.
        OSError: it cannot be read.
    """
    if named is not None:
        return Encoding(known_encoding(named), "as asked")
    found = sniff(path)
    if found is None:
        raise not_text(path, UTF8)
    return found


def known_encoding(name: str) -> str:
    """Return a codec's name as Python has it.

    Raises:
        InputError: Python has none of that name that makes text of bytes.
    """
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except LookupError:
        raise InputError(
            f"no encoding is called '{name}'; expected one that Python knows, such as utf-8, utf-16, cp1252, latin-1, "
            "gb18030 or shift_jis"
        ) from None
    return found.name


def open_text(path: Path, codec: str | None = None) -> TextIO:
    """Open a text file, packed or not; line ends stay as they are.

    Args:
        path: the file.
        codec: its encoding; None for what its bytes say.

    Raises:
        InputError: no encoding fits.
        OSError: it cannot be read.
    """
    return io.TextIOWrapper(open_lines(path), encoding=codec or encoding_of(path).codec, newline="")


def read_text(path: Path) -> str:
    """Return a text file's content.

    Raises:
        InputError: it is not in the encoding that its first bytes say.
        OSError: it cannot be read.
    """
    codec = encoding_of(path).codec
    try:
        with open_text(path, codec) as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise not_text(path, codec) from error


def as_utf8(path: Path, codec: str) -> Path | bytes:
    """Return what reads as UTF-8: a file that is neither packed nor in another encoding, else its content.

    Raises:
        InputError: it is not in that encoding.
        OSError: it cannot be read.
    """
    if codec.startswith(UTF8) and packing_of(path) is None:
        return path
    try:
        with open_text(path, codec) as file:
            return file.read().encode()
    except UnicodeDecodeError as error:
        raise not_text(path, codec) from error


def utf8_lines(path: Path, codec: str | None = None) -> Iterator[bytes]:
    """Yield a file's lines as UTF-8 without a mark, whatever they are saved in; of UTF-8 wrong bytes stay in them.

    Args:
        path: the file.
        codec: its encoding; None for the one of its mark, else UTF-8, as JSON has to be.

    Raises:
        InputError: it is not in that encoding.
        OSError: it cannot be read.
    """
    with open_lines(path) as file:
        codec = codec or marked(file.read(4)) or UTF8
    if codec.startswith(UTF8):
        with open_lines(path) as file:
            for number, line in enumerate(file):
                yield line.removeprefix(codecs.BOM_UTF8) if number == 0 else line
        return
    try:
        with open_text(path, codec) as text:
            for words in text:
                yield words.encode()
    except UnicodeDecodeError as error:
        raise not_text(path, codec) from error


def csv_rows(
    file: TextIO, separator: str, *, quoted: bool = True, escape: str | None = None, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line that each row begins in, from 1, and its cells; the header is the first.

    Args:
        file: as `open_text` opens it.
        separator: of cells.
        quoted: whether a cell may be put in `"`; else that is a letter.
        escape: what stands before a quote inside a cell, beside a second quote.
        strict: refuse quotes that end within a cell.

    Raises:
        csv.Error: a quote is not closed, and `strict`.
    """
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(
        file,
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        escapechar=escape,
        strict=strict,
    )
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def not_text(path: Path, codec: str) -> InputError:
    """Return the error for a file that is not in an encoding: which line, which byte, what to do."""
    return wrong_byte(path, codec) or InputError(
        f"{path} begins as {codec.upper()} and is damaged further on. Save it again as UTF-8."
    )


def wrong_byte(path: Path, codec: str) -> InputError | None:
    """Return the error for the first byte that an encoding lacks; None where it has all, and for UTF-16 and UTF-32."""
    if codec.startswith(("utf-16", "utf_16", "utf-32", "utf_32")):
        return None
    with open_lines(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode(codec)
            except UnicodeDecodeError as error:
                return InputError(
                    f"{path} is not {_called(codec)}: line {number} {_byte(line, error.start)}. {_cure(path)}"
                )
    return None


def _called(codec: str) -> str:
    return "UTF-8" if codec.startswith(UTF8) else codec


def _byte(line: bytes, place: int) -> str:
    around = line[max(0, place - SHOWN) : place + SHOWN].decode("cp1252", "replace").strip()
    return f"holds the byte 0x{line[place]:02x} at place {place + 1}, in “{around}” if it is Windows-1252"


def _cure(path: Path) -> str:
    return (
        "Name the encoding that it has (--encoding gb18030, cp1251, …), save it as UTF-8 (in a spreadsheet: CSV "
        f"UTF-8), or convert it: iconv -f WINDOWS-1252 -t UTF-8 {shlex.quote(str(path))} > NEW, with that encoding"
    )
