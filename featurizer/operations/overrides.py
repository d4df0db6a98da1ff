"""Some options of a frozen dataclass, by name: what a recipe says is checked against the dataclass itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from featurizer.errors import InputError, UnknownName

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Some: TypeAlias = Mapping[str, bool | int | float | str | list[int] | None]
"""Options by name, those that are given."""
Options = TypeVar("Options", bound="DataclassInstance")


def overridden(options: Options, given: Some) -> Options:
    """Return the options with what was given in their places, each of its field's type.

    Raises:
        UnknownName: there is no such option; with the nearest names.
        InputError: a value is not what the option holds.
    """
    known, hints = [field.name for field in fields(options)], get_type_hints(type(options))
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise UnknownName("option", name, known)
        try:
            values[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise InputError(f"{name}: {error.errors()[0]['msg']} (found {value!r:.60})") from error
    return replace(options, **values)
