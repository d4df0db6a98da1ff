"""What a step of a recipe is: a command's arguments, validated, that know how to run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, TypeVar

from pydantic import ValidationError

from featurizer.config import Model, describe
from featurizer.errors import InputError
from featurizer.progress import Report, silent
from featurizer.records import Json

Kind: TypeAlias = Literal["catalog", "interactions", "features", "scores", "model", "report", "export"]
"""What a step may leave for the steps after it."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Marks a field that names an earlier step, or a path: of which kinds it takes the first that there is.

    Attributes:
        kinds: what the step must make; none for its folder as a whole.
        card: whether the card beside counts as part of what is read.
    """

    kinds: tuple[Kind, ...]
    card: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a step writes, whether it may replace what another configuration left there, and whom it tells."""

    out: Path
    overwrite: bool = False
    report: Report = silent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step: a line for the summary, the files a person would open, and a table to show at the end."""

    summary: str
    files: tuple[Path, ...] = ()
    table: str = ""


class Work(Model, ABC):
    """A command's arguments; the fields are named like its options, and paths stand where steps were named."""

    makes: ClassVar[Mapping[Kind, str]] = {}
    """Where in the step's folder lies what it makes."""
    rewrites: ClassVar[bool] = False
    """Whether it is written again without being asked, because that costs next to nothing."""
    indifferent: ClassVar[frozenset[str]] = frozenset()
    """Options that change how fast the result comes, and nothing of it."""

    @abstractmethod
    def run(self, to: Target) -> Outcome:
        """Do the work; what is finished already is not done again.

        Raises:
            FeaturizerError: as the command of the same name.
        """

    def products(self, out: Path) -> tuple[Path, ...]:
        """Return what must be there once it is done: files, or folders with a manifest."""
        return tuple(out / place for place in self.makes.values())

    def folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the folders that stand inside a longer text, such as an encoder's model, each with its field."""
        return iter(())

    def depends(self) -> dict[str, Json]:
        """Return what else the result depends on: library versions, the content of what is no step's."""
        return {}


WorkT = TypeVar("WorkT", bound=Work)


def work_of(kind: type[WorkT], **options: object) -> WorkT:
    """Make a work of options that a command was given.

    Raises:
        InputError: one of them is not what the command takes.
    """
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        raise InputError(describe(error, "the command's options")) from error


def reads(work: type[Work]) -> dict[str, Reads]:
    """Return the fields that name steps or paths."""
    return {
        name: mark
        for name, field in work.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Reads)
    }


def inputs(work: Work) -> Iterator[tuple[str, Reads, Path]]:
    """Yield every path that is read, with its field."""
    for name, mark in reads(type(work)).items():
        value = getattr(work, name)
        for path in value if isinstance(value, tuple) else (value,):
            if path is not None:
                yield name, mark, path
    for name, path in work.folders():
        yield name, Reads(()), path
