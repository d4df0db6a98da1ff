"""An operation's options, read off its fields: what the command line, recipes and Python calls are made from."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from featurizer.config import Flag
from featurizer.errors import InputError
from featurizer.operations.operation import FORMER, Argument, Completed, Operation, OptionGroup


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: in a call and in a recipe.
        field: where its value goes: the operation's field, or one of a group's.
        group: that group's field; None for the operation's own.
        kind: the type of one value: int, float, bool, str, Path, or a Literal.
        many: whether it takes several.
        commas: whether several may stand in one text.
        optional: whether None is a value.
        required: whether it must be given.
        default: where it is not given.
        flags: on the command line; none for what stands by its place.
        argument: how it stands by its place.
        least: smallest number.
        most: largest number.
        above: the number is larger than this.
        below: the number is smaller than this.
        nonempty: whether several means at least one.
        completed: the names that a shell completes it with.
        told: whether help lists these names.
        hidden: whether help leaves the option out.
        help: its docstring.
    """

    name: str
    field: str
    group: str | None
    kind: Any
    many: bool
    commas: bool
    optional: bool
    required: bool
    default: object
    flags: tuple[str, ...] = ()
    argument: Argument | None = None
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    nonempty: bool = False
    completed: str | None = None
    told: bool = False
    hidden: bool = False
    help: str = ""

    @property
    def choices(self) -> tuple[str, ...]:
        """What a value may be, where only some are."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def called(self) -> str:
        """What an error calls it."""
        return self.argument.metavar if self.argument else self.flags[0]

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            each = f"one of {', '.join(self.choices)}"
            return f"one or more of {', '.join(self.choices)}, with commas" if self.many else each
        if self.kind in (int, float):
            return self._number()
        words = {bool: "true or false", str: "text"}.get(self.kind, "a path")
        return f"one or more: {words}" if self.many else words

    def _number(self) -> str:
        whole = "whole number" if self.kind is int else "number"
        bounds = f" {self.bounds}" if self.bounds else ""
        return f"{whole}s{bounds} with commas, such as 10,20" if self.many else f"a {whole}{bounds}"

    @property
    def bounds(self) -> str:
        """Between what its numbers lie, in words; empty where they may be any."""
        if self.least is not None and self.most is not None:
            return f"from {self.least:g} to {self.most:g}"
        if self.kind is int and self.least is not None and self.least > 0:
            return f"above {self.least - 1:g}"
        ends = {
            "above {:g}": self.above,
            "of {:g} or more": self.least,
            "below {:g}": self.below,
            "of {:g} or less": self.most,
        }
        return " and ".join(text.format(end) for text, end in ends.items() if end is not None)


@cache
def options_of(kind: type[Operation]) -> tuple[Option, ...]:
    """Return an operation's options: arguments first, then in the order of their fields."""
    found = list(_options(kind))
    return (*(one for one in found if one.argument), *(one for one in found if not one.argument))


def _options(kind: type[Operation]) -> Iterator[Option]:
    own = [name for name in kind.model_fields if name not in _LAST]
    for name in (*own, *(name for name in _LAST if name in kind.model_fields)):
        about = kind.model_fields[name]
        group = mark(about, OptionGroup)
        if group is None:
            yield _option(name, about, None, name)
            continue
        yield from _inside(name, group)


_LAST = ("out", "overwrite", "wait")


def _inside(name: str, group: OptionGroup) -> Iterator[Option]:
    """Yield the options of a group, each once, with whose it is where not all of several have it."""
    kinds = group.kinds()
    owners: dict[str, list[str]] = {}
    for owner, members in kinds.items():
        for inner in members.model_fields.keys() - group.without:
            owners.setdefault(inner, []).append(owner)
    for owner, members in kinds.items():
        for inner, detail in members.model_fields.items():
            if inner in owners and owners[inner][0] == owner:
                found = _option(group.named.format(inner), detail, name, inner, stated=group.stated)
                some = len(owners[inner]) < len(kinds)
                yield replace(found, help=f"{found.help} ({', '.join(owners[inner])})") if some else found


def mark(about: FieldInfo, kind: type[Any]) -> Any:  # noqa: ANN401 - the mark's own type, which the caller names
    """Return a field's mark of that kind, or None."""
    return _first(about.metadata, kind)


def _first(marks: Iterable[object], kind: type[Any]) -> Any:  # noqa: ANN401 - the mark's own type
    return next((one for one in marks if isinstance(one, kind)), None)


def _option(name: str, about: FieldInfo, group: str | None, inner: str, *, stated: bool = True) -> Option:
    kind, marks, optional, many = _unwrapped(about.annotation)
    marks = [*about.metadata, *(inner for one in marks for inner in getattr(one, "metadata", (one,)))]
    least, most, flag = _first(marks, Ge), _first(marks, Le), _first(marks, Flag)
    above, below = _first(marks, Gt), _first(marks, Lt)
    argument, completed = _first(marks, Argument), _first(marks, Completed)
    listed = completed is not None and completed.commas
    default = None if about.is_required() else about.get_default(call_default_factory=True)
    return Option(
        name=name,
        field=inner,
        group=group,
        kind=kind,
        many=many,
        commas=many and (kind in (int, float) or get_origin(kind) is Literal or listed),
        optional=optional or group is not None,
        required=about.is_required() and group is None,
        default=default if stated else None,
        flags=() if argument else _flags(name, flag),
        argument=argument,
        least=None if least is None else float(least.ge),
        most=None if most is None else float(most.le),
        above=None if above is None else float(above.gt),
        below=None if below is None else float(below.lt),
        nonempty=_first(marks, MinLen) is not None,
        completed=completed.names if completed else None,
        told=completed is not None and completed.told,
        hidden=flag is not None and flag.hidden,
        help=" ".join((about.description or "").split()),
    )


def _flags(name: str, flag: Flag | None) -> tuple[str, ...]:
    long = "--" + name.replace("_", "-")
    given = flag.names if flag else ()
    return given if any(one.startswith("--") for one in given) else (long, *given)


def _unwrapped(annotation: Any) -> tuple[Any, list[Any], bool, bool]:  # noqa: ANN401 - any type expression
    """Return (the type of one value, marks found inside, whether None is one, whether there are several)."""
    marks: list[Any] = []
    optional = many = False
    while True:
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            marks += inner[1:]
            annotation = inner[0]
        elif origin in (Union, types.UnionType) and type(None) in inner:
            optional = True
            annotation = next(one for one in inner if one is not type(None))
        elif origin is tuple:
            many = True
            annotation = inner[0]
        else:
            return annotation, marks, optional, many


def gathered(kind: type[Operation], given: Mapping[str, object]) -> dict[str, object]:
    """Return what was given with every option of a group inside its group, former names replaced.

    Raises:
        InputError: an option is given twice, beside its group and inside it.
    """
    groups = {name for name, about in kind.model_fields.items() if mark(about, OptionGroup)}
    inside: dict[str, tuple[str, str]] = {}
    if groups and set(given) - set(kind.model_fields):
        for one in options_of(kind):
            if one.group is not None:
                inside[one.name] = one.group, one.field
    several = {name for name, about in kind.model_fields.items() if _unwrapped(about.annotation)[3]}
    found: dict[str, object] = {}
    for raw, value in given.items():
        name = FORMER.get(raw, raw)
        if name != raw and name in given:
            raise InputError(f"{name} is given twice, as {raw} too; expected it once")
        if name in groups and isinstance(value, Mapping):
            _merge(found, name, {FORMER.get(str(key), str(key)): inner for key, inner in value.items()})
        elif name in inside and name not in kind.model_fields:
            group, field = inside[name]
            _merge(found, group, {field: value})
        else:
            alone = isinstance(value, str | int | float | Mapping)
            found[name] = (value,) if alone and name in several else value
    return found


def _merge(found: dict[str, object], group: str, values: Mapping[str, object]) -> None:
    before = found.get(group)
    known = dict(before) if isinstance(before, Mapping) else {}
    twice = sorted(known.keys() & values.keys())
    if twice:
        raise InputError(f"{twice[0]} is given twice, beside {group} and inside it; expected it once")
    found[group] = known | dict(values)
