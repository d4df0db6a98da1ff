"""What every manifest has, and how one is read: whole, under today's keys, or not at all, with what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from featurizer.config import Config
from featurizer.errors import InputError
from featurizer.records import Json
from featurizer.results.files import fingerprint
from featurizer.results.spelling import read_manifest

Count = Annotated[int, Field(ge=0)]
SHOWN = 3
"""So many problems of one file are named."""


class Record(Config):
    """A part of a manifest; what a newer version adds to it is kept."""

    model_config = ConfigDict(extra="allow", strict=True)

    def document(self) -> dict[str, Json]:
        """Return it as it stands in the file, what this version does not know included."""
        return self.model_dump(mode="json", exclude_unset=True)


class Origin(Record):
    """Where a catalog, and so what is made of it, comes from."""

    name: str | None = None
    """What it is called."""
    title: str | None = None
    """In one line."""
    license: str | None = None
    """As its source states it, an SPDX id where it can be."""
    terms: str | None = None
    """Under which it may be used."""
    citation: str | None = None
    """What to cite."""
    homepage: str | None = None
    """Where it is described."""


class Manifest(Record):
    """The last file of a stage: what it made, of what, under which configuration."""

    fingerprint: str
    """The sha256 of `config`."""
    config: dict[str, JsonValue]
    """The resolved configuration and the fingerprints of the inputs, as they were written then."""
    manifest_sha256: str | None = None
    """Of all else that stands here but volatile fields; None where an earlier version wrote it."""

    @property
    def fits_its_config(self) -> bool:
        """Whether the fingerprint is that of the configuration; not so where somebody changed the file by hand."""
        return self.fingerprint == fingerprint(self.config)


RecordT = TypeVar("RecordT", bound=Record)


def read_as(kind: type[RecordT], path: Path, *, cure: str) -> RecordT:
    """Read a manifest, or another JSON file of a result.

    Args:
        kind: what it must be.
        path: the file.
        cure: what to do where it is none.

    Raises:
        InputError: the file is missing, is no JSON object, or a field is missing or of another type; the message
            names file, field, what was found and what was expected.
    """
    return checked(kind, read_manifest(path), origin=str(path), cure=cure)


def checked(kind: type[RecordT], document: Mapping[str, Json], *, origin: str, cure: str) -> RecordT:
    """Return a JSON object as the record that it must be.

    Raises:
        InputError: a field is missing or of another type; the message begins with `origin` and ends with `cure`.
    """
    try:
        return kind.model_validate_json(json.dumps(document))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise InputError(f"{origin}: {'; '.join(map(_said, problems[:SHOWN]))}{more}. {cure}") from error


def _said(problem: ErrorDetails) -> str:
    field = ".".join(map(str, problem["loc"]))
    if problem["type"] == "missing":
        return f"it has no '{field}', expected one"
    expected = problem["msg"].removeprefix("Input should be ")
    return f"'{field}' is {json.dumps(problem['input'], ensure_ascii=False):.60}, expected {expected}"
