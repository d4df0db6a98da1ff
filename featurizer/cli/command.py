"""A command of the program, drawn from its operation's options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from featurizer.cli import completion
from featurizer.cli.console import COMMON, progress, say, settle, show
from featurizer.errors import InputError
from featurizer.operations.execute import execute
from featurizer.operations.names import NAMES
from featurizer.operations.operation import FORMER, Context
from featurizer.operations.options import Option, options_of
from featurizer.operations.registry import operation
from featurizer.operations.validation import operation_of

FORMER_FLAGS = {f"--{before}": f"--{now}" for before, now in FORMER.items()}
"""Options as they were once spelled: they still work, and help does not show them."""


class Command(TyperCommand):
    """A command that refuses an option given twice, where the last would silently win."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own context
        """Parse, with former spellings in the place of today's."""
        args = [_today(argument) for argument in args]
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for param in order:
            repeats = getattr(param, "multiple", False) or getattr(param, "count", False) or param.nargs != 1
            if order.count(param) > 1 and not repeats and not ctx.resilient_parsing:
                ctx.fail(f"{param.opts[0]} is given {order.count(param)} times; expected it once.")
        return super().parse_args(ctx, args)


def _today(argument: str) -> str:
    name, sign, value = argument.partition("=")
    return FORMER_FLAGS.get(name, name) + sign + value


def command(name: str) -> TyperCommand:
    """Return the command of that name."""
    kind = operation(name)
    options = options_of(kind)

    def called(**values: object) -> None:
        as_json = settle(values)
        _refuse_passing(values.get("out"))
        made = operation_of(kind, dict(_given(options, values)), lambda option: option.called)
        with progress() as report:
            outcome = execute(made, Context(report, say))
        show(outcome, as_json=as_json)

    return drawn(name, called, inspect.getdoc(kind) or "", [_parameter(option) for option in options])


def _refuse_passing(out: object) -> None:
    """Refuse a store in memory, which ends with the command.

    Raises:
        InputError: that is where the result is to go.
    """
    if str(out).lower().startswith("memory:"):
        from featurizer.results.store_path import shown

        raise InputError(
            f"{shown(str(out))} would be gone when this command ends; give a folder, or the address of a "
            "store that stays. In one process of Python it may be used"
        )


def drawn(
    name: str, called: Callable[..., None], text: str, parameters: Sequence[inspect.Parameter]
) -> TyperCommand:
    """Return a command with these parameters and those that every command has."""
    every = [*parameters, *COMMON]
    called.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
    called.__doc__ = text
    app = typer.Typer(
        rich_markup_mode=None,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.command(name, cls=Command)(called)
    made = typer.main.get_command(app)
    assert isinstance(made, TyperCommand)
    return made


def _given(options: Sequence[Option], values: Mapping[str, object]) -> Sequence[tuple[str, object]]:
    """Return what was given: an option that was not, or that is given its default, is left to it."""
    found: list[tuple[str, object]] = []
    for option in options:
        value = values[option.name]
        if option.argument and option.argument.verb:
            value = _after_verb(option, value)
        if option.many and isinstance(value, list | tuple):
            value = _several(value, option)
        if value is not None and value != _preset(option):
            found.append((option.name, value))
    return found


def _several(values: Sequence[object], option: Option) -> tuple[object, ...]:
    """Take several texts apart; a name that is given twice counts once, numbers may well be equal."""
    if not option.commas:
        return tuple(values)
    parts = [part.strip() for value in values for part in str(value).split(",")]
    found = [part for part in parts if part]
    return tuple(found if option.kind in (int, float) else dict.fromkeys(found))


def _preset(option: Option) -> object:
    """Return the default as the command line has it: of several, texts."""
    value = option.default
    return tuple(map(_short, value)) if isinstance(value, tuple) else value


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _after_verb(option: Option, value: object) -> object:
    words = list(value) if isinstance(value, list | tuple) else [value]
    if option.argument and words[:1] == [option.argument.verb]:
        if len(words) == 1:
            raise typer.BadParameter(f"expected one after '{words[0]}'", param_hint=option.called)
        words = words[1:]
    if len(words) > 1:
        raise typer.BadParameter(
            f"found {' '.join(map(str, words))!r}, expected one", param_hint=option.called
        )
    return words[0] if words else None


def _parameter(option: Option) -> inspect.Parameter:
    if option.argument:
        return _argument(option)
    numbers = option.kind in (int, float) and not option.commas
    bounds = (option.least, option.most) if numbers else (None, None)
    least, most = (None if bound is None else option.kind(bound) for bound in bounds)
    info = typer.Option(
        *(_switch(option) if option.kind is bool else option.flags),
        help=_help(option),
        show_default=option.default is not False and option.default not in (None, (), ""),
        hidden=option.hidden,
        min=least,
        max=most,
        metavar=_metavar(option),
        autocompletion=completion.of(option.completed) if option.completed else None,
    )
    kind: Any = str if option.commas else option.kind
    default: Any = ... if option.required else _preset(option)
    if option.many:
        return _keyword(
            option.name, list[kind], info, list(default) if isinstance(default, tuple) else default
        )
    return _keyword(option.name, kind, info, default)


def _metavar(option: Option) -> str | None:
    """Name what an option takes, where its type alone would read oddly."""
    if not option.many:
        return None
    one = {int: "N", float: "X", str: "TEXT"}.get(option.kind, "NAME" if option.choices else "PATH")
    return f"{one},…" if option.commas else one


def _switch(option: Option) -> list[str]:
    """Name both sides of a switch that is on, or may be either, where it is not given."""
    long, *short = option.flags
    either = option.default is not False
    return [f"{long}/--no-{long.removeprefix('--')}" if either else long, *short]


def _argument(option: Option) -> inspect.Parameter:
    argument = option.argument
    assert argument is not None
    several = option.many or bool(argument.verb)
    metavar = f"[{argument.verb}] [{argument.metavar}]" if argument.verb else argument.metavar
    info = typer.Argument(
        metavar=metavar,
        help=option.help,
        show_default=False,
        autocompletion=completion.of(option.completed) if option.completed else None,
    )
    kind: Any = option.kind
    annotation = list[kind] if several else kind
    return _keyword(option.name, annotation, info, ... if option.required else None)


def _keyword(name: str, kind: Any, info: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401 - type expressions
    annotation: Any = Annotated[kind, info]
    if default is None:
        annotation = Annotated[kind | None, info]
    given = inspect.Parameter.empty if default is ... else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=given, annotation=annotation)


def _help(option: Option) -> str:
    """Return the docstring, the names or choices that there are, and how to give several."""
    parts = [option.help]
    known = tuple(NAMES[option.completed]()) if option.told and option.completed else option.choices
    if known and (option.many or option.told):
        parts.append(f"Of {', '.join(known)}.")
    if option.many:
        parts.append("Several with commas." if option.commas else "Repeat for more.")
    if option.above is not None or option.below is not None:
        parts.append(f"A number {option.bounds}.")
    return " ".join(parts)
