"""Where text becomes typed configuration: strict pydantic models and errors a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from featurizer.errors import InputError


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
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{origin} is not valid YAML: {' '.join(str(error).split())}") from error
    return validated(model, document, origin=origin)


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
    return f"{where}: {problem['msg']} (found {problem['input']!r:.60})"
