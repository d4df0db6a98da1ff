"""A recipe, run: what is finished is skipped, what is not is resumed, nothing is replaced without being asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from featurizer.errors import InputError, StaleOutput
from featurizer.operations.operation import Outcome, Target, inputs
from featurizer.progress import Report
from featurizer.recipes.plan import Planned, look
from featurizer.recipes.record import Record, asked, made, write_record
from featurizer.recipes.step import Step
from featurizer.results.identity import identity


@dataclass(frozen=True, slots=True)
class Finished:
    """A step that is done.

    Attributes:
        step: the step.
        now: whether this run did it.
        seconds: that it took, now or then.
        outcome: what came of it.
    """

    step: Step
    now: bool
    seconds: float
    outcome: Outcome


class Watch(Protocol):
    """Told of each step that is run; yields whom its stages report to."""

    def __call__(self, step: Step, /) -> AbstractContextManager[Report]:
        """Enter as the step starts, leave as it ends."""
        ...


def run(planned: Sequence[Planned], watch: Watch, *, overwrite: bool = False) -> Iterator[Finished]:
    """Run the steps of a plan in order and yield each as it is done.

    Raises:
        StaleOutput: a step is stale and `overwrite` is not given; before anything is run where that shows.
        FeaturizerError: a step failed; the ones above it are kept.
    """
    steps = [one.step for one in planned if one.state != "left out"]
    _refuse_stale([one for one in planned if one.state == "stale"], overwrite=overwrite)
    for step in steps:
        found = look(step)
        if found.state == "done" and found.record is not None:
            yield Finished(step, now=False, seconds=found.record.seconds, outcome=found.record.outcome)
            continue
        _refuse_stale([found] if found.state == "stale" else [], overwrite=overwrite)
        yield _run(step, watch, overwrite=overwrite)


def _run(step: Step, watch: Watch, *, overwrite: bool) -> Finished:
    for field, _, path in inputs(step.work):
        if identity(path) is None and not path.is_dir():
            raise InputError(
                f"step {step.name}, field {field}: {path} is not there, or not finished; run the step that makes it"
                + (f" ({', '.join(step.after)})" if step.after else "")
            )
    begun, wanted = time.perf_counter(), asked(step)
    with watch(step) as report:
        outcome = step.work.run(Target(step.out, overwrite, report))
    seconds = time.perf_counter() - begun
    write_record(step, Record(wanted, made(step), seconds, outcome))
    return Finished(step, now=True, seconds=seconds, outcome=outcome)


def _refuse_stale(stale: Sequence[Planned], *, overwrite: bool) -> None:
    if not stale or overwrite:
        return
    told = "; ".join(f"{one.step.name} ({one.why})" for one in stale)
    raise StaleOutput(
        f"finished, but not as asked for now: {told}. Pass --overwrite to make {'these' if len(stale) > 1 else 'it'} "
        "again and replace what is there, or --set out=FOLDER to write elsewhere"
    )
