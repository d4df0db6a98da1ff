"""What an operation is: a command's options, validated, that know how to run.

One class a command. Its fields are the only declaration of its options: name, type, bounds, default, and the
docstring below the field, which is its help. The command line, the recipe's step and the Python function follow
from them.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeAlias, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from featurizer.config import Config, Flag
from featurizer.errors import InputError
from featurizer.progress import Report, silent
from featurizer.records import Json
from featurizer.results.names import CATALOG
from featurizer.results.store_path import ADDRESS, StorePath, place, shown

Kind: TypeAlias = Literal["catalog", "interactions", "features", "scores", "model", "report", "export"]
"""What an operation may leave for those after it."""
ValueT_co = TypeVar("ValueT_co", covariant=True)
ValueT = TypeVar("ValueT")

FORMER = {"licence": "license", "neighbours": "neighbors"}
"""Options by the names they had; recipes and Python calls may still use them."""


@dataclass(frozen=True, slots=True)
class Argument:
    """Marks a field that stands on the command line by its place, and in a call without its name.

    Attributes:
        metavar: what help calls it.
        verb: a word that may stand before it, such as `show`.
    """

    metavar: str
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """Marks a field whose values are names: a shell completes them.

    Attributes:
        names: which, a key of `names.NAMES`.
        told: whether help lists them.
        commas: whether several may be given in one text: `--metrics zero-shot,item-cf`.
    """

    names: str
    told: bool = False
    commas: bool = False


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Marks a mapping whose keys are options of their own: the fields of these classes.

    On the command line and in a call each is an option beside the others; in a recipe it may stand beside them or
    inside the mapping.

    Attributes:
        kinds: returns the classes by whose options they are; called when their options are needed. Where there are
            several, help says of each option whose it is.
        named: the option's name, from the field's: `{}_column`.
        stated: whether the defaults of these classes are the defaults here.
        without: fields of the classes that are no options here.
    """

    kinds: Callable[[], Mapping[str, type[Config]]]
    named: str = "{}"
    stated: bool = True
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reads:
    """Marks a field that names an earlier step, or a path: of which kinds it takes the first that there is.

    Attributes:
        kinds: what the step must make; none for its folder as a whole.
        card: whether the card beside counts as part of what is read.
    """

    kinds: tuple[Kind, ...]
    card: bool = False


def _folder_of(value: object) -> object:
    """Take the folder of what an operation returned: `extract(catalog)` as well as `extract("runs/catalog")`."""
    return getattr(value, "folder", value)


def _folders_of(value: object) -> object:
    if isinstance(value, str | Path) or hasattr(value, "folder"):
        value = (value,)
    return tuple(_folder_of(one) for one in value) if isinstance(value, Iterable) else value


def _placed(value: object) -> object:
    """Return text and paths as where they lie: addresses too; whatever else as it is."""
    if isinstance(value, str | Path):
        return place(value)
    return tuple(map(_placed, value)) if isinstance(value, list | tuple) else value


Folder = Annotated[Path, BeforeValidator(_folder_of)]
"""A path, or the object that stands for what lies there."""
Folders = Annotated[tuple[Path, ...], BeforeValidator(_folders_of)]
"""Likewise, one or several."""


def _interactions_of(value: object) -> object:
    """Take a catalog, or its folder, for the interactions beside its items.

    Raises:
        InputError: it is a catalog that has none.
    """
    folder = _folder_of(value)
    if not isinstance(folder, str | Path):
        return folder
    if not isinstance(folder, StorePath):
        folder = Path(folder)
    if (folder / INTERACTIONS).is_file():
        return folder / INTERACTIONS
    if (folder / CATALOG).is_file():
        raise InputError(
            f"{folder} is a catalog without interactions; expected a file of who used what, or a catalog that was made "
            "with one ('featurizer ingest … --interactions FILE')"
        )
    return folder


INTERACTIONS = "interactions.parquet"
InteractionsPath = Annotated[Path, BeforeValidator(_interactions_of)]
"""A file of interactions, or the catalog that they lie in."""
Some: TypeAlias = Mapping[str, Any]
"""Options of a group by name, those that are given; the group's classes say what they may be."""


@dataclass(frozen=True, slots=True)
class Context:
    """Whom a running operation tells how far it is, and what is worth saying on the way."""

    report: Report = silent
    say: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[ValueT_co]):
    """What came of an operation.

    Attributes:
        value: what a Python call returns.
        summary: one line, for the end of a recipe.
        text: what the command prints.
        record: what it prints with --json.
        files: what a person would open.
        table: shown at the end of a recipe.
        advice: what to do next; talk, not result.
        warnings: what must not be overlooked.
        code: the exit code.
        done_before: whether it was finished already, and there was nothing to do.
    """

    value: ValueT_co
    summary: str
    text: str = ""
    record: Mapping[str, object] | None = None
    files: tuple[Path, ...] = ()
    table: str = ""
    advice: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    code: int = 0
    done_before: bool = False


@dataclass(frozen=True, slots=True)
class Made(Generic[ValueT_co]):
    """A folder or file that was made, and what is to be said of it; for what has no class of its own."""

    folder: Path
    about: ValueT_co

    def __repr__(self) -> str:
        return f"Made({self.folder})"

    def _repr_html_(self) -> str:
        return f'<a href="{self.folder.resolve().as_uri()}">{self.folder}</a>'


class Operation(Config, ABC):
    """A command's options; paths stand where a recipe names steps."""

    makes: ClassVar[Mapping[Kind, str]] = {}
    """Where in the step's folder lies what it makes."""
    rewrites: ClassVar[bool] = False
    """Whether a recipe does it again without being asked, because that costs next to nothing."""
    indifferent: ClassVar[frozenset[str]] = frozenset()
    """Options that change how fast the result comes, or how it is told, and nothing of it."""
    addresses: ClassVar[frozenset[str]] = frozenset()
    """Fields that may be addresses of an object store, where others are paths of this machine."""
    stated: ClassVar[frozenset[str]] = frozenset()
    """Options that a recipe must say, whatever their defaults are."""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a caller passes; validation is what follows
        """Put options that belong to a group into it, and former names in the place of today's."""
        from featurizer.operations.options import gathered

        if not isinstance(given, Mapping):
            return given
        found = gathered(cls, given)
        return {name: _placed(value) if name in cls.addresses else value for name, value in found.items()}

    @model_validator(mode="after")
    def _is_here(self) -> Self:
        """Refuse an address where a path is expected, or nothing can be written, before any work is done."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            for path in value if isinstance(value, tuple) else (value,):
                if isinstance(path, Path) and ADDRESS.match(str(path)) and name not in self.addresses:
                    raise InputError(
                        f"{shown(path)} is the address of a store, expected a path of this machine; mount the store, "
                        "or copy what is there"
                    )
        for path in self.writes():
            if isinstance(path, StorePath):
                path.storage.refuse_read_only(str(path))
        return self

    @classmethod
    def placed(cls, folder: Path) -> dict[str, Json]:
        """Return the options that make it write into the folder of a recipe's step; none where it writes nothing."""
        return {}

    @abstractmethod
    def run(self, context: Context) -> Outcome[Any]:
        """Do the work; what is finished already is not done again.

        Raises:
            FeaturizerError: what was given cannot be used, or the work failed.
        """

    def precheck(self) -> None:
        """Refuse what will not do, as far as that shows before anything is made; a plan asks for it.

        Raises:
            FeaturizerError: what `run` would say of it.
        """

    def runs_model(self) -> bool:
        """Say whether it runs a model batch by batch: the process then keeps the memory that a batch frees."""
        return False

    def state(self) -> Path | None:
        """Return the file that remembers what was asked and made; None for what leaves nothing."""
        return None

    def products(self) -> tuple[Path, ...]:
        """Return what must be there once it is done: files, or folders with a manifest."""
        return ()

    def writes(self) -> tuple[Path, ...]:
        """Return the folders that it writes into, which nobody else may do meanwhile."""
        return ()

    def encoder_folders(self) -> Iterator[tuple[str, Path]]:
        """Yield the folders that stand inside a longer text, such as an encoder's model, each with its field."""
        return iter(())

    def settled(self) -> dict[str, Json]:
        """Return the options of groups as they are once defaults and presets are in; part of the request."""
        return {}

    def depends(self) -> dict[str, Json]:
        """Return what else the result depends on: library versions, the content of what is no step's."""
        return {}


class FolderOperation(Operation, Generic[ValueT]):
    """An operation that makes a folder."""

    out: Annotated[Path, Flag("--out", "-o")]
    """Folder to write into."""
    overwrite: bool = False
    """Replace what the folder holds."""
    wait: Annotated[float, Field(ge=0)] | None = None
    """Seconds to wait where another process writes the folder; without it that is an error."""

    @classmethod
    def placed(cls, folder: Path) -> dict[str, Json]:
        """Return the folder as where it writes."""
        return {"out": str(folder)}

    @abstractmethod
    def make(self, context: Context) -> ValueT:
        """Make the folder."""

    @abstractmethod
    def open(self) -> ValueT:
        """Return what the folder holds, once it is made; no model is loaded for it."""

    @abstractmethod
    def outcome(self, value: ValueT) -> Outcome[ValueT]:
        """Say what was made."""

    def run(self, context: Context) -> Outcome[ValueT]:
        """Make the folder and say what it holds."""
        return self.outcome(self.make(context))

    def writes(self) -> tuple[Path, ...]:
        """Return the folder."""
        return (self.out,)

    def shares(self) -> bool:
        """Say whether other processes write the folder too, each a part of its own."""
        return False

    def remembers(self, outcome: Outcome[Any]) -> bool:
        """Say whether this process remembers what came of it: of several that write the folder, one does."""
        return not self.shares() or os.environ.get("RANK", "0") == "0"

    def reopens(self) -> bool:
        """Say whether a finished folder is worked on again, to fetch what failed for example."""
        return False

    def updates(self) -> bool:
        """Say whether a finished folder of other options or inputs is brought up to date instead of refused."""
        return False

    def state(self) -> Path | None:
        """Return the file in the folder."""
        from featurizer.operations.registry import command_of
        from featurizer.results.state import state_file

        return state_file(self.out, command_of(type(self)))

    def products(self) -> tuple[Path, ...]:
        """Return the places of what it makes."""
        return tuple(self.out / place for place in self.makes.values())
