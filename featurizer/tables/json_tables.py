"""JSON as tables: an object a line, or a list of objects, which may lie inside an object as APIs answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.json_lines import json_object, plain_object
from featurizer.tables.reading import AS_FOUND, Reading
from featurizer.tables.table import Row
from featurizer.text_files import encoding_of, not_text, open_text, utf8_lines
from featurizer.unpacked import LONGEST_LINE

DEEPEST = 32
"""Lists and objects nested deeper are no cell of a table."""
_CHUNK = 1 << 16
_BLANK = re.compile(r"\s*")


def is_deep(value: object) -> bool:
    """Tell whether a value nests lists and objects deeper than any cell has reason to."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for entry in level
            if isinstance(entry, (list, tuple, dict))
            for part in (entry.values() if isinstance(entry, dict) else entry)
        ]
        if not level:
            return False
    return True


@dataclass(frozen=True)
class JsonLinesTable:
    """A file with a JSON object a line; lines that are none are bad rows."""

    path: Path
    reading: Reading = AS_FOUND
    kind = ".jsonl"
    unit = "line"
    allowed_bad: int | None = None
    told: tuple[str, ...] = ()
    schema: pa.Schema | None = None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every key of the file, in order of appearance."""
        bad = BadRows(self.path)
        names = dict.fromkeys(key for _, row in self.rows(bad) for key in row)
        if bad.count and not names:
            raise InputError(f"{bad}; expected a JSON object a line")
        return tuple(names)

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the objects."""
        try:
            for number, line in enumerate(utf8_lines(self.path, self.reading.encoding), start=1):
                if not line.strip():
                    continue
                try:
                    row = json_object(line.decode())
                except ValueError as error:
                    bad.add(f"line {number}", error)
                    continue
                if is_deep(row):
                    bad.add(f"line {number}", f"nested too deeply, expected at most {DEEPEST} levels")
                    continue
                yield number, row
        except OSError as error:
            raise InputError(f"{self.path} cannot be read to its end as {self.kind}: {error}") from error


@dataclass(frozen=True)
class JsonTable:
    """A file that holds a list of objects, alone or as a value of an object: `{"products": [{…}, …]}`."""

    path: Path
    reading: Reading = AS_FOUND
    kind = ".json"
    unit = "row"
    allowed_bad: int | None = None
    schema: pa.Schema | None = None

    @property
    def told(self) -> tuple[str, ...]:
        """Nothing: there is one way to read it."""
        return ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every key of the objects, in order of appearance."""
        names = dict.fromkeys(key for _, row in self.rows(BadRows(self.path)) for key in row)
        if not names:
            raise InputError(
                f"{self.path} holds no list of objects; expected [{{…}}, …] or an object with one"
            )
        return tuple(names)

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the list's objects; what is none is a bad row."""
        codec = encoding_of(self.path, self.reading.encoding).codec
        try:
            with open_text(self.path, codec) as file:
                for number, value in enumerate(_Values(file).listed(), start=1):
                    if not isinstance(value, Mapping):
                        bad.add(f"row {number}", f"a JSON {type(value).__name__}, expected an object")
                    elif is_deep(value):
                        bad.add(f"row {number}", f"nested too deeply, expected at most {DEEPEST} levels")
                    else:
                        yield number, plain_object(value)
        except UnicodeDecodeError as error:
            raise not_text(self.path, codec) from error
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self.path} cannot be read to its end as {self.kind}: {error}") from error


class _Values:
    """Reads JSON value by value, never more of the file than the longest of them."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._text, self._place, self._read = file, "", 0, 0
        self._decoder = json.JSONDecoder(parse_constant=lambda _: None)

    def listed(self) -> Iterator[Json]:
        """Yield the entries of the list that the file is, or of the first that is a value of its object."""
        sign = self._sign()
        if sign == "[":
            yield from self._entries()
        elif sign == "{":
            self._place += 1
            while self._sign() != "}":
                self._value()
                self._expect(":")
                if self._sign() == "[":
                    yield from self._entries()
                    return
                self._value()
                if self._sign() == ",":
                    self._place += 1
        else:
            raise ValueError("it begins with no list and no object")

    def _entries(self) -> Iterator[Json]:
        self._place += 1
        while (sign := self._sign()) != "]":
            yield self._value()
            sign = self._sign()
            if sign == ",":
                self._place += 1
            elif sign != "]":
                raise ValueError(f"found {sign!r}, expected ',' or ']' at character {self._at}")

    def _sign(self) -> str:
        """Return the next sign that is no blank."""
        while True:
            blank = _BLANK.match(self._text, self._place)
            self._place = blank.end() if blank else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more(_CHUNK):
                raise ValueError("it ends inside the list")

    def _expect(self, sign: str) -> None:
        if self._sign() != sign:
            raise ValueError(f"found {self._sign()!r}, expected {sign!r} at character {self._at}")
        self._place += 1

    def _value(self) -> Json:
        self._sign()
        wanted = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
                if end < len(self._text) or not self._more(_CHUNK):  # a number may go on
                    self._place = end
                    return value
            except json.JSONDecodeError as error:
                wanted *= 2
                if len(self._text) - self._place > LONGEST_LINE or not self._more(wanted):
                    raise ValueError(
                        f"{error.msg} at character {self._at + error.pos - self._place}"
                    ) from error

    def _more(self, wanted: int) -> bool:
        chunk = self._file.read(wanted)
        self._read += self._place
        self._text, self._place = self._text[self._place :] + chunk, 0
        return bool(chunk)

    @property
    def _at(self) -> int:
        return self._read + self._place + 1
