"""A recipe, run: what is finished is skipped, what is not is resumed, nothing is replaced without being asked.

A step with `update` asks for that: it is brought up to date, and what reads from it is made again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from featurizer.errors import FeaturizerError, InputError, StaleOutput
from featurizer.operations.execute import execute
from featurizer.operations.operation import Context, FolderOperation, Operation
from featurizer.operations.standing import inputs
from featurizer.progress import Report
from featurizer.recipes.plan import Plan, made_again, planned
from featurizer.recipes.step import Step
from featurizer.results.identity import identity

logger = logging.getLogger(__name__)

FAILURES = 3
"""The exit code of what is finished with more failures than allowed: the steps after it are run."""
REFUSED = ("stale", "damaged")
"""States of a step that only --overwrite makes again."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A step that is done.

    Attributes:
        step: the step.
        seconds: that it took, now or then.
        summary: one line of what came of it.
        table: what is shown of it at the end.
        files: what a person would open.
        now: whether this run did it.
        code: 3 where more failed than allowed.
    """

    step: Step
    seconds: float
    summary: str
    table: str
    files: tuple[Path, ...]
    now: bool = False
    code: int = 0


Watch: TypeAlias = Callable[[Step], AbstractContextManager[Report]]
"""Entered as a step starts and left as it ends; yields whom its stages report to."""


def run(steps: Plan, watch: Watch, *, overwrite: bool = False) -> Iterator[Finished]:
    """Run the steps of a plan in order and yield each as it is done.

    Raises:
        StaleOutput: a step is stale or damaged and `overwrite` is not given; before anything is run where that shows.
        FeaturizerError: a step failed; the ones above it are kept.
    """
    _refuse_stale(steps, overwrite=overwrite)
    recipe = [step for step, _ in steps]
    for step in [step for step, found in steps if found.standing != "left out"]:
        found = planned(step)
        if found.standing == "done" and found.state is not None:
            state = found.state
            yield Finished(
                step, state.seconds, state.summary, state.table, state.files, code=_code_of(step.operation)
            )
            continue
        again = overwrite or made_again(step, found, recipe)
        _refuse_stale([(step, found)], overwrite=again)
        yield _run(step, watch, overwrite=again)


def _run(step: Step, watch: Watch, *, overwrite: bool) -> Finished:
    for field, _, path in inputs(step.operation):
        if identity(path) is None and not path.is_dir():
            raise InputError(
                f"step {step.name}, field {field}: {path} is not there, or not finished; run the step that makes it"
                + (f" ({', '.join(step.after)})" if step.after else "")
            )
    begun = time.perf_counter()
    with watch(step) as report:
        context = Context(report, logger.info)
        outcome = execute(_overwriting(step.operation) if overwrite else step.operation, context)
    for warning in outcome.warnings:
        logger.warning("step %s: %s", step.name, warning)
    if outcome.code not in (0, FAILURES):
        raise FeaturizerError(f"step {step.name} ended with exit code {outcome.code}: {outcome.summary}")
    seconds = time.perf_counter() - begun
    return Finished(step, seconds, outcome.summary, outcome.table, outcome.files, now=True, code=outcome.code)


def _code_of(operation: Operation) -> int:
    """Return the exit code of what is done: more may have failed in it than is allowed."""
    return operation.outcome(operation.open()).code if isinstance(operation, FolderOperation) else 0


def _overwriting(operation: Operation) -> Operation:
    if not isinstance(operation, FolderOperation):
        return operation
    return operation.model_copy(update={"overwrite": True})


def _refuse_stale(steps: Plan, *, overwrite: bool) -> None:
    stale = [f"{step.name} ({found.why})" for step, found in steps if found.standing in REFUSED]
    if not stale or overwrite:
        return
    told = "; ".join(stale)
    which = "these" if len(stale) > 1 else "it"
    raise StaleOutput(
        f"finished, but not as asked for now, or damaged since: {told}. Pass --overwrite to make {which} again and "
        "replace what is there, or --set out=FOLDER to write elsewhere"
    )
