"""The program: commands are drawn when they are asked for, and every error becomes one paragraph and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import featurizer
from featurizer.cli.console import AsJson, Debug, Quiet, Verbose, begin, say, speak_plainly
from featurizer.errors import FeaturizerError
from featurizer.operations.registry import COMMANDS, summary_of

RUN = "run"
"""The one command that is no operation: it runs others."""
RUN_SUMMARY = "Run a recipe: what is done is skipped, what was interrupted is resumed."
TOLD = 600
"""Letters of a foreign error that are shown."""


class Program(TyperGroup):
    """The group of all commands: their names and summaries cost nothing, a command is drawn when it is called."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - Typer's own
        super().__init__(**attributes)
        for name in (*COMMANDS[:-1], RUN, COMMANDS[-1]):
            self.add_command(TyperCommand(name, help=_summary(name), rich_markup_mode=None))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own
        """Read no value while a shell completes: none is needed, and Typer imports pydantic to read them."""
        if not ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        _, rest, _ = self.make_parser(ctx).parse_args(list(args))
        ctx._protected_args, ctx.args = rest[:1], rest[1:]
        return list(ctx.args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401
        """Put the command itself in the place of its name."""
        name, found, rest = super().resolve_command(ctx, args)
        return (name, found, rest) if name is None else (name, drawn(name), rest)


def _summary(name: str) -> str:
    return RUN_SUMMARY if name == RUN else summary_of(name)


def drawn(name: str) -> TyperCommand:
    """Return a command, drawn from its operation."""
    if name == RUN:
        from featurizer.cli.run import command as run_command

        return run_command()
    from featurizer.cli.command import command

    return command(name)


app = typer.Typer(
    name="featurizer",
    cls=Program,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"featurizer {featurizer.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Debug = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    as_json: AsJson = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Make, judge and publish multimodal item features for recommendation.

    The options below may stand before the command or after it. Exit codes: 0 done, 1 an error that says what to do,
    2 usage, 3 finished with more failures than allowed, 130 interrupted.
    """
    begin(debug=debug, verbose=verbose, quiet=quiet, as_json=as_json)


def main() -> None:
    """Run the program: exit 0 done, 1 an error a person can act on, 2 usage, 3 failures above the limit."""
    speak_plainly()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app()
    except FeaturizerError as error:
        _fail(str(error), error)
    except _Interrupted as error:
        _fail("interrupted; what is finished is kept. Run the same command again to go on.", error, code=130)
    except OSError as error:
        _fail(
            f"{error.strerror or error}: {error.filename or 'a file'}. Check the path and its permissions.",
            error,
        )
    except MemoryError as error:
        _fail(
            "the memory of this machine is not enough. Choose a smaller batch, or fewer spaces at once.",
            error,
        )
    except Exception as error:  # noqa: BLE001 - the one place where any fault becomes a paragraph; --debug shows all
        _fail(_fault(error), error)


def _fault(error: Exception) -> str:
    """Say that the program is at fault, where no message of ours says what to do."""
    told = " ".join(str(error).split())[:TOLD] or "no message"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    at = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""  # noqa: PTH119
    return (
        f"{type(error).__name__}{at}: {told}. This is a fault of the program, not of what you gave it: what was "
        "finished is kept; --debug shows where it happened, for a report to its authors."
    )


class _Interrupted(BaseException):
    """Ctrl-C or SIGTERM; the command framework would swallow a KeyboardInterrupt and its message."""


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise _Interrupted


def _fail(message: str, error: BaseException, code: int = 1) -> None:
    if os.environ.get("FEATURIZER_DEBUG"):
        raise error
    say(f"error: {message}", always=True)
    sys.exit(code)
