"""Files that are to be UTF-8 and are not: which byte of which line, and what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""How files of other encodings begin."""
CURE = "Save it as UTF-8 (Excel: 'CSV UTF-8'), or convert it: iconv -f {} -t UTF-8 {} > {}"


def encoding_fault(path: Path) -> str | None:
    """Say what of a file is no UTF-8, naming line, byte and cure; None where all of it is, or it cannot be read."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and line[:2] in MARKS:
                    return f"{path} is {MARKS[line[:2]]}; expected UTF-8. {_cure(path, MARKS[line[:2]])}"
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return (
                        f"{path}: line {number} holds the byte 0x{line[error.start]:02x}, which is no UTF-8; expected "
                        f"UTF-8. {_cure(path, 'WINDOWS-1252')}"
                    )
    except (OSError, EOFError):
        return None
    return None


def _cure(path: Path, encoding: str) -> str:
    return CURE.format(encoding, path.name, f"utf8-{path.name}")
