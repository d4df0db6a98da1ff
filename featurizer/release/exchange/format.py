"""What a format says about itself, and the formats that are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from featurizer import registry
from featurizer.errors import FeaturizerError, UnknownName
from featurizer.registry import FORMATS, Extra
from featurizer.release.exchange.content import Content, Found

Files: TypeAlias = Mapping[str, str]
"""Which file or folder, relative to the export's folder, holds which space."""
Write: TypeAlias = Callable[[Content, Path], Files]
Read: TypeAlias = Callable[[Path, Files], Found]
Select: TypeAlias = Callable[[Path, Files, Sequence[str]], Found]
Guess: TypeAlias = Callable[[Path], Files]


@dataclass(frozen=True, slots=True)
class Format:
    """The files of one other program: what an entry point of the group `featurizer.formats` names.

    Attributes:
        name: as `--format` takes it; also the entry point's name.
        read: reads the spaces that it is told of.
        guess: finds the spaces of files that something else wrote, without a sidecar.
        write: writes content into a folder and returns where each space went; None when the format is only read.
        nulls: whether the format can say that a vector is missing; else missing rows are filled.
        only_used: whether the format numbers the items of the interactions and has room for no others.
        select: reads some items alone, where files hold many more than are wanted.
        extra: what has to be installed for it.
    """

    name: str
    read: Read
    guess: Guess
    write: Write | None = None
    nulls: bool = False
    only_used: bool = False
    select: Select | None = None
    extra: Extra = field(default_factory=Extra)

    def require(self) -> None:
        """Stop early when what the format needs is not installed.

        Raises:
            MissingExtra: it is not; the message carries the pip line.
        """
        self.extra.require(f"what the format {self.name} needs")


def format_named(name: str, *, written: bool = False) -> Format:
    """Return an installed format.

    Args:
        name: as `--format` takes it.
        written: the error lists only those that can be written.

    Raises:
        UnknownName: none is called so.
        FeaturizerError: its module cannot be imported, or names something else than a format.
    """
    if name not in registry.names(FORMATS):
        known = [one.name for one in formats() if not written or one.write is not None]
        raise UnknownName("format", name, known)
    found = registry.load(FORMATS, name)
    if isinstance(found, Format) and found.name == name:
        return found
    what = f"the format {found.name}" if isinstance(found, Format) else f"a {type(found).__name__}"
    raise FeaturizerError(
        f"the entry point '{name}' of {FORMATS} names {what}; expected a Format of that name "
        "(docs/add-an-export-format.md). Mend or remove the package."
    )


def formats() -> Iterator[Format]:
    """Yield the installed formats one by one, featurizer's own first; broken plug-ins are left out with a warning."""
    return registry.working(registry.providers(FORMATS), format_named)
