"""Options become an operation, or an error that says what was found, what was expected and how it is called."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from featurizer.config import Config
from featurizer.errors import InputError, UnknownName
from featurizer.operations.operation import Operation
from featurizer.operations.options import Option, options_of

SHOWN = 60
"""A longer value is told by its type."""
OperationT = TypeVar("OperationT", bound=Operation)
ModelT = TypeVar("ModelT", bound=Config)


def named(option: Option) -> str:
    """Call an option as Python and recipes do."""
    return option.name


def operation_of(
    kind: type[OperationT], given: Mapping[str, object], called: Callable[[Option], str] = named
) -> OperationT:
    """Make an operation of the options that were given.

    Args:
        kind: which one.
        given: by name; options of a group beside the others or inside it.
        called: how an error names an option.

    Raises:
        InputError: a value is not what its option takes, or one is missing; all of them are named.
        UnknownName: there is no such option; with the nearest names.
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        raise InputError("; ".join(problems(kind, error, called))) from error


def problems(
    kind: type[Operation], error: ValidationError, called: Callable[[Option], str] = named
) -> Sequence[str]:
    """Say each thing that is wrong, what is missing last."""
    known = {(one.group, one.field): one for one in options_of(kind)}
    found = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] == "missing")
    told = []
    for problem in found:
        path = [str(part) for part in problem["loc"]]
        option = known.get((path[0], path[1])) if len(path) > 1 else None
        option = option or (known.get((None, path[0])) if path else None)
        told.append(_problem(problem, path, option, sorted(one.name for one in known.values()), called))
    return list(dict.fromkeys(told))


def _problem(
    problem: Mapping[str, Any],
    path: Sequence[str],
    option: Option | None,
    known: Sequence[str],
    called: Callable[[Option], str],
) -> str:
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], known, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        return f"{'.'.join(path)}: no such option; {hint}"
    name = called(option) if option else ".".join(path) or "the options"
    if problem["type"] == "missing":
        return f"{name} is missing"
    if problem["type"] == "value_error":
        return f"{name}: {problem['ctx']['error']}"
    if option is None:
        return f"{name}: {problem['msg']} (found {problem['input']!r:.60})"
    return f"{name}: found {_shown(problem['input'])}, expected {option.expected}"


def _shown(value: object) -> str:
    if value is None or (isinstance(value, list | tuple) and not value):
        return "nothing"
    told = repr(value)
    return told if len(told) <= SHOWN else f"a {type(value).__name__}"


def overridden(base: ModelT, given: Mapping[str, object]) -> ModelT:
    """Return options with what was given in their places, each of its field's type.

    Raises:
        UnknownName: there is no such option; with the nearest names.
        InputError: a value is not what the option holds.
    """
    kind = type(base)
    for name in given:
        if name not in kind.model_fields:
            raise UnknownName("option", name, kind.model_fields)
    try:
        return kind.model_validate({**dict(base), **given})
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']} (found {one['input']!r:.60})"
            for one in error.errors(include_url=False)
        ]
        raise InputError("; ".join(told)) from error
