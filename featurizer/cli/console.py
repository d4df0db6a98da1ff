"""What the program says: results to stdout, talk and progress to stderr; and the options that every command has."""

from __future__ import annotations

import codecs
import inspect
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.discreet import discreet, guard
from featurizer.progress import Report

if TYPE_CHECKING:
    from featurizer.operations.operation import Outcome

NOISY = ("stamina", "httpx2", "httpcore2", "huggingface_hub", "datasets", "fsspec")
"""Libraries whose own words are heard only with -vv."""
DEBUG, QUIET, VERBOSE, JSON = (f"FEATURIZER_{name}" for name in ("DEBUG", "QUIET", "VERBOSE", "JSON"))
"""Where the choices stand that may be made before the command and after it."""

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Verbose = Annotated[
    int,
    typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more; -vv: the libraries too."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but results and errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
COMMON = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (
        ("as_json", False, AsJson),
        ("quiet", False, Quiet),
        ("verbose", 0, Verbose),
        ("debug", False, Debug),
    )
)
"""What every command takes, before it and after it."""


PLAIN = {
    "±": "+-",
    "×": "x",
    "…": "...",
    "→": "->",
    "≥": ">=",
    "≤": "<=",
    "–": "-",
    "—": "-",
    "“": '"',
    "”": '"',
}
"""How signs are written where the terminal has none of them."""


def speak_plainly() -> None:
    """Let no sign that the terminal's encoding lacks (PYTHONIOENCODING=ascii) end a command whose work is done."""
    codecs.register_error("featurizer", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="featurizer")


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(
        PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in signs
    ), error.end


def begin(*, debug: bool, verbose: int, quiet: bool, as_json: bool) -> None:
    """Take the options that stand before the command."""
    os.environ[DEBUG], os.environ[QUIET] = ("1" if chosen else "" for chosen in (debug, quiet))
    os.environ[VERBOSE], os.environ[JSON] = str(verbose), "1" if as_json else ""
    guard()
    _listen()


def settle(values: dict[str, object]) -> bool:
    """Take those that stand after it out of the values, and return whether JSON was asked for."""
    for name, variable in (("debug", DEBUG), ("quiet", QUIET), ("as_json", JSON)):
        if values.pop(name):
            os.environ[variable] = "1"
    more = values.pop("verbose")
    os.environ[VERBOSE] = str(int(os.environ.get(VERBOSE) or 0) + (more if isinstance(more, int) else 0))
    _listen()
    return bool(os.environ.get(JSON))


def _listen() -> None:
    verbose = int(os.environ.get(VERBOSE) or 0)
    level = logging.ERROR if os.environ.get(QUIET) else (logging.INFO, logging.DEBUG)[min(verbose, 1)]
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("featurizer").setLevel(level)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(level if verbose > 1 else logging.ERROR)


def say(text: str, *, always: bool = False) -> None:
    """Write a line of talk to stderr, unless --quiet."""
    if always or not os.environ.get(QUIET):
        print(discreet(text), file=sys.stderr, flush=True)


def result(text: str) -> None:
    """Write a result to stdout."""
    print(discreet(text), flush=True)


def result_json(value: Mapping[str, object]) -> None:
    """Write one JSON object to stdout, in ASCII where its encoding is no UTF."""
    narrow = not (sys.stdout.encoding or "").casefold().startswith("utf")
    print(discreet(json.dumps(value, indent=2, ensure_ascii=narrow, allow_nan=False)), flush=True)


def show(outcome: Outcome[object], *, as_json: bool) -> None:
    """Print what came of a command, and leave with its exit code."""
    if as_json:
        done_before = {"nothing_to_do": True} if outcome.done_before else {}
        result_json({**(outcome.record or {}), **done_before})
    elif outcome.text:
        if outcome.done_before and os.environ.get(QUIET):  # else the talk says so
            result("Finished already: nothing to do.")
        result(outcome.text)
    for line in outcome.warnings:
        say(line, always=True)
    for line in () if as_json else outcome.advice:
        say(line)
    if outcome.code:
        raise typer.Exit(outcome.code)


@contextmanager
def progress() -> Iterator[Report]:
    """Yield a reporter: bars on a terminal, else a line every few seconds, nothing with --quiet."""
    if os.environ.get(QUIET):
        yield lambda _: None
        return
    from featurizer.operations.bars import drawn

    with drawn(say) as report:
        yield report
