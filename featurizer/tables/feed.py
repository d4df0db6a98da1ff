"""Product feeds in XML: what shops send to Google Merchant, as RSS or Atom, and plain lists of products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

import pyarrow as pa

from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.tables.bad_rows import BadRows
from featurizer.tables.table import Row
from featurizer.unpacked import open_lines

ROWS = frozenset({"item", "entry", "product", "offer"})
"""Elements that are a row each, whatever lies around them."""
DEEPEST = 32
_CHUNK = 1 << 16
_END = True
_BETWEEN = " "


@dataclass(frozen=True)
class FeedTable:
    """An XML feed: a row each `item`, `entry`, `product` or `offer`, a column each element inside, repeated ones lists.

    Namespaces are left out of the names (`g:image_link` is `image_link`); where an element comes with one and without,
    Google's counts. Documents that declare entities are refused.
    """

    path: Path
    kind = ".xml"
    unit = "line"
    allowed_bad: int | None = 0
    told: tuple[str, ...] = ()
    schema: pa.Schema | None = None

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every element's name, in order of appearance."""
        names = dict.fromkeys(key for _, row in self.rows(BadRows(self.path)) for key in row)
        if not names:
            raise InputError(
                f"{self.path} holds no products; expected XML with an element {', '.join(sorted(ROWS))} for each"
            )
        return tuple(names)

    def rows(self, bad: BadRows, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the products."""
        reader = _Reader()
        try:
            with open_lines(self.path) as file:
                while chunk := file.read(_CHUNK):
                    reader.parser.Parse(chunk)
                    yield from reader.taken()
                reader.parser.Parse(b"", _END)
                yield from reader.taken()
        except expat.ExpatError as error:
            raise InputError(f"{self.path} is no XML that can be read: {error}") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path} cannot be read to its end as {self.kind}: {error}") from error


class _Element:
    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name, self.text = name, ""
        self.children: list[tuple[str, Json]] = []

    def value(self) -> Json:
        return _joined(self.children) if self.children else self.text.strip() or None


class _Reader:
    """Puts what the parser tells together into rows."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=_BETWEEN)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = _refuse
        self._open: list[_Element] = []
        self._rows: list[Row] = []
        self._line = 0

    def taken(self) -> list[Row]:
        """Return the rows that are whole by now."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._open:
            if _local(name) not in ROWS:
                return
            self._line = self.parser.CurrentLineNumber
        if len(self._open) > DEEPEST:
            raise ValueError(
                f"elements nested deeper than {DEEPEST} levels at line {self.parser.CurrentLineNumber}"
            )
        element = _Element(name)
        if not self._open:
            element.children += [(_local(key), value) for key, value in attributes.items()]
        element.text = attributes.get("href", "")
        self._open.append(element)

    def _end(self, name: str) -> None:
        if not self._open:
            return
        element = self._open.pop()
        if self._open:
            self._open[-1].children.append((element.name, element.value()))
        else:
            self._rows.append((self._line, _joined(element.children)))

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text


def _joined(children: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    """Return children by their names, several of one as a list; those with a namespace before those without."""
    of_google = {_local(name) for name, _ in children if _BETWEEN in name and "google" in name}
    row: dict[str, Json] = {}
    for name, value in children:
        local = _local(name)
        if local in of_google and "google" not in name:
            continue
        if local in row:
            before = row[local]
            row[local] = [*(before if isinstance(before, list) else [before]), value]
        else:
            row[local] = value
    return row


def _local(name: str) -> str:
    return name.rpartition(_BETWEEN)[2]


def _refuse(*told: object) -> NoReturn:
    raise ValueError(
        f"it declares an entity ({told[0]}), which feeds have no need of; remove the declaration"
    )
