"""What a user says of how tables are written; all of it is found out where it is not said."""

from __future__ import annotations

from dataclasses import dataclass

from featurizer.errors import InputError
from featurizer.text_files import known_encoding

NAMED = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "\\t": "\t"}
"""Delimiters by name, for shells that make them hard to write."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How tables are read.

    Attributes:
        encoding: of text; None for what its bytes say.
        delimiter: between cells of text, one sign or its name; None for the one that gives even rows.
        max_bad_rows: more rows that cannot be read are an error; None for none of separated cells, and of JSON for
            half of them.
        split: of a folder that `datasets` saved, which of its splits.
        sheet: of a workbook, by its name or its number from 1; None for the first that holds a table.

    Raises:
        InputError: there is no such encoding, or the delimiter is no single sign.
    """

    encoding: str | None = None
    delimiter: str | None = None
    max_bad_rows: int | None = None
    split: str = "train"
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            known_encoding(self.encoding)
        sign = NAMED.get(self.delimiter or ",", self.delimiter or ",")
        if len(sign) != 1 or sign in '"\r\n':
            raise InputError(
                f"the delimiter {sign!r} is not one sign; expected one such as ; or one of {', '.join(NAMED)}"
            )

    @property
    def sign(self) -> str | None:
        """The delimiter itself."""
        return None if self.delimiter is None else NAMED.get(self.delimiter, self.delimiter)


AS_FOUND = Reading()
