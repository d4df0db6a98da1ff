"""`featurizer run`: a whole recipe."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli import completion
from featurizer.cli.command import drawn
from featurizer.cli.console import progress, result, result_json, say, settle
from featurizer.operations.text import duration, table
from featurizer.recipes.plan import plan
from featurizer.recipes.recipe import load_recipe, shipped
from featurizer.recipes.run import run as run_plan

if TYPE_CHECKING:
    from typer.core import TyperCommand

    from featurizer.progress import Report
    from featurizer.recipes.plan import Plan
    from featurizer.recipes.recipe import Recipe
    from featurizer.recipes.run import Finished
    from featurizer.recipes.step import Step
    from featurizer.records import Json


def run(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A recipe's file, or the name of a shipped one.",
            metavar="FILE",
            autocompletion=completion.beginning(shipped),
        ),
    ],
    start: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Leave out the steps above this one.")
    ] = None,
    only: Annotated[str | None, typer.Option("--only", metavar="STEP", help="Run this step alone.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a variable, out, or STEP.OPTION; repeat for more."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make stale and damaged steps again, replacing what is there.")
    ] = False,
    *,
    as_json: bool = False,
) -> None:
    """Run a recipe: what is done is skipped, what was interrupted is resumed.

    Shipped: {shipped}.

    Example: featurizer run quickstart --set out=runs/first
    """
    loaded = load_recipe(recipe, settings or ())
    planned = plan(loaded, start=start, only=only)
    if dry_run:
        _show_plan(loaded, planned, as_json=as_json)
        if not as_json:
            say(f"Run it with: {_command(recipe, settings, {'--from': start, '--only': only})}")
        return
    say(f"{loaded.name}: {loaded.title}\n{_plan_table(planned)}\n")
    watch = partial(_watched, [step.name for step in loaded.steps])
    finished = list(run_plan(planned, watch, overwrite=overwrite))
    if as_json:
        left_out = [step.name for step, found in planned if found.standing == "left out"]
        left_out += loaded.left_out
        steps = [_done_json(one) for one in finished]
        result_json({"recipe": loaded.name, "out": str(loaded.out), "steps": steps, "left_out": left_out})
    else:
        _show_summary(finished)
        if not any(one.now for one in finished):
            elsewhere = [one for one in settings or () if not one.startswith("out=")]
            anew = _command(recipe, [*elsewhere, "out=FOLDER"], {})
            say(f"Nothing was left to do. Start anew with: {anew}")
    code = max((one.code for one in finished), default=0)
    if code:
        raise typer.Exit(code)


def command() -> TyperCommand:
    """Return the command, with the options that every command has."""

    def called(**values: object) -> None:
        as_json = settle(values)
        run(**values, as_json=as_json)  # type: ignore[arg-type]

    signature = inspect.signature(run, eval_str=True)
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name != "as_json"
    ]
    return drawn("run", called, (inspect.getdoc(run) or "").format(shipped=", ".join(shipped())), own)


def _command(recipe: str, settings: Sequence[str] | None, options: Mapping[str, str | None]) -> str:
    """Return the command line that runs just this."""
    chosen = [(name, value) for name, value in options.items() if value is not None]
    pairs = [*(("--set", one) for one in settings or ()), *chosen]
    return shlex.join(["featurizer", "run", recipe, *(word for pair in pairs for word in pair)])


@contextmanager
def _watched(names: Sequence[str], step: Step) -> Iterator[Report]:
    """Say which step begins, and draw its progress."""
    say(f"[{names.index(step.name) + 1}/{len(names)}] {step.name}: {step.uses}")
    with progress() as report:
        yield report


def _show_plan(recipe: Recipe, planned: Plan, *, as_json: bool) -> None:
    if as_json:
        steps = [
            {
                "name": step.name,
                "uses": step.uses,
                "state": found.standing,
                "why": found.why,
                "out": str(step.out),
                "reads_from": list(step.after),
            }
            for step, found in planned
        ]
        result_json(
            {"recipe": recipe.name, "out": str(recipe.out), "steps": steps, "left_out": [*recipe.left_out]}
        )
        return
    result(f"{recipe.name}: {recipe.title}, into {recipe.out}\n{_plan_table(planned)}")
    if recipe.left_out:
        wanted = ", ".join(f"{step} (--set {name}=…)" for step, name in recipe.left_out.items())
        result(f"left out, for want of a variable: {wanted}")


def _plan_table(planned: Plan) -> str:
    rows = [[step.name, step.uses, found.standing, found.why] for step, found in planned]
    return table(["step", "command", "state", ""], rows)


def _show_summary(finished: list[Finished]) -> None:
    rows = [
        [one.step.name, "done" if one.now else "was done", duration(one.seconds), one.summary]
        for one in finished
    ]
    result(table(["step", "state", "took", "what came of it"], rows))
    for one in finished:
        if one.table:
            result(f"\n{one.step.name}:\n{one.table}")
    files = dict.fromkeys(str(file) for one in finished for file in one.files)
    if files:
        result("\nOpen these:\n" + "\n".join(f"  {file}" for file in files))


def _done_json(one: Finished) -> dict[str, Json]:
    return {
        "name": one.step.name,
        "uses": one.step.uses,
        "state": "done",
        "now": one.now,
        "seconds": round(one.seconds, 3),
        "out": str(one.step.out),
        "summary": one.summary,
        "files": [str(file) for file in one.files],
    }
