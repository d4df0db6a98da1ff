"""Where text becomes typed configuration: strict pydantic models and errors a person can act on."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from featurizer.errors import InputError

MOST_BYTES = 1_000_000
"""Of a configuration that a person writes."""
MOST_NODES = 100_000
"""Values in it, aliases written out."""


class Config(BaseModel):
    """The base of every configuration model: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def replaced(self, **changes: object) -> Self:
        """Return the same with some fields changed, validated as a whole.

        Raises:
            pydantic.ValidationError: a value is not what its field holds.
        """
        return type(self).model_validate({**dict(self), **changes})


@dataclass(frozen=True, slots=True)
class Flag:
    """Marks a field whose option on the command line is not called like the field: `Flag("--lambda")`.

    Attributes:
        names: what the option is called, `--encoder` and `-e`; of `-k` alone the long name is the field's.
        hidden: whether help leaves it out: it is there for those who know it from before.
    """

    names: tuple[str, ...]
    hidden: bool

    def __init__(self, *names: str, hidden: bool = False) -> None:
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "hidden", hidden)


ModelT = TypeVar("ModelT", bound=BaseModel)


def load_yaml(model: type[ModelT], text: str, *, origin: Path | str) -> ModelT:
    """Parse YAML text into `model`.

    Args:
        model: the pydantic model the document must fit.
        text: the document.
        origin: the file's name, for messages.

    Raises:
        InputError: not YAML, or a field is wrong; the message names file, entry and field.
    """
    return validated(model, parse_yaml(text, origin=origin), origin=origin)


def read_yaml_text(path: Path) -> str:
    """Read a file that a person wrote.

    Raises:
        InputError: it is not text in UTF-8, or too large to be a configuration.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(f"{path} holds {size:,} bytes; expected YAML of at most {MOST_BYTES:,}")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}; save it as UTF-8"
        ) from error


def parse_yaml(text: str, *, origin: Path | str) -> Any:  # noqa: ANN401 - whatever a person writes
    """Parse YAML text whose aliases, written out, make no document larger than a person writes.

    Raises:
        InputError: it is not YAML, nested too deeply, or too large.
    """
    if len(text) > MOST_BYTES:
        raise InputError(f"{origin} holds {len(text):,} characters; expected YAML of at most {MOST_BYTES:,}")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _written_out(node, {}) > MOST_NODES:
            raise InputError(
                f"{origin} has aliases that make more than {MOST_NODES:,} values of it; expected a configuration"
            )
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise InputError(f"{origin} is not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InputError(f"{origin} is nested too deeply; expected a configuration") from error
    except ValueError as error:  # a date or a number that is none
        raise InputError(f"{origin} is not valid YAML: {error}") from error


def _written_out(node: yaml.Node, known: dict[int, float]) -> float:
    """Return how many values a node makes when every alias is written out; infinite where it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf  # until it is known: a node that is met inside itself
        parts = node.value if isinstance(node, yaml.SequenceNode) else ()
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(node)]


def validated(model: type[ModelT], values: object, *, origin: Path | str) -> ModelT:
    """Make a model of values that somebody wrote.

    Args:
        model: the pydantic model the values must fit.
        values: by field.
        origin: where they come from, for messages.

    Raises:
        InputError: a field is wrong; the message names origin, entry and field.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(describe(error, origin)) from error


def describe(error: ValidationError, origin: Path | str) -> str:
    """Say in one line a problem: file, entry, field, what was found."""
    return f"{origin}: " + "; ".join(map(_problem, error.errors(include_url=False)))


def _problem(problem: ErrorDetails) -> str:
    if problem["type"] == "value_error" and not problem["loc"]:
        return str(problem["ctx"]["error"])  # a rule of the model about several fields, in its own words
    where = ".".join(map(str, problem["loc"])) or "the document"
    said = problem["ctx"]["error"] if problem["type"] == "value_error" else problem["msg"]
    return f"{where}: {said} (found {reprlib.repr(problem['input']):.60})"
