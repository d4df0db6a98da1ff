"""Options in groups: a command takes a few frozen dataclasses instead of thirty arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Give each field of the command's dataclass arguments a place on the command line of its own.

    Typer reads signatures, so the returned function's lists the fields where a dataclass stood; called with
    them, it makes the dataclasses again.
    """
    hints = get_type_hints(command, include_extras=True)
    hints.pop("return", None)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    flat = list(_flat(command, hints, groups))

    @functools.wraps(command)
    def called(**values: object) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    called.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    return called


def _flat(
    command: Callable[..., None], hints: Mapping[str, object], groups: Mapping[str, type[DataclassInstance]]
) -> Iterator[inspect.Parameter]:
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            yield _keyword(name, parameter.default, hints[name])
            continue
        inner = get_type_hints(groups[name], include_extras=True)
        for field in fields(groups[name]):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            yield _keyword(field.name, default, inner[field.name])


def _keyword(name: str, default: object, annotation: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def given(group: DataclassInstance) -> dict[str, object]:
    """Return what the user gave of a group: its fields that are not None."""
    values = {field.name: getattr(group, field.name) for field in fields(group)}
    return {name: value for name, value in values.items() if value is not None}
