"""What is remembered of a step that was finished: what it was asked for, and what it made of that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from featurizer.operations.operation import Outcome, inputs, reads
from featurizer.recipes.step import Step
from featurizer.records import Json
from featurizer.results.files import read_json, write_json
from featurizer.results.identity import identity

FOLDER = ".recipe"


@dataclass(frozen=True, slots=True)
class Record:
    """A finished step.

    Attributes:
        asked: its options, and the identity of what it read.
        made: the identity of what it made.
        seconds: that it took.
        outcome: what came of it.
    """

    asked: dict[str, Json]
    made: list[Json]
    seconds: float
    outcome: Outcome


def asked(step: Step) -> dict[str, Json]:
    """Return everything that the step's result depends on, as it is now."""
    work = step.work
    read: dict[str, Json] = {}
    for field, mark, path in inputs(work):
        entries = read.setdefault(field, [])
        assert isinstance(entries, list)
        content = identity(path, card=mark.card, inside=not mark.kinds)
        entries.append({"name": path.name, "content": content})
    left_out = {*reads(type(work)), *work.indifferent}
    options: dict[str, Json] = work.model_dump(mode="json", exclude=left_out)
    return {"uses": step.uses, "options": options, "reads": read, **work.depends()}


def made(step: Step) -> list[Json]:
    """Return the identity of each thing that the step makes; None for what is not there."""
    return [identity(path) for path in step.work.products(step.out)]


def read_record(step: Step) -> Record | None:
    """Return what is remembered of the step, or None."""
    path = _path(step)
    if not path.is_file():
        return None
    found = read_json(path)
    files, before, results = found.get("files"), found.get("asked"), found.get("made")
    return Record(
        before if isinstance(before, dict) else {},
        results if isinstance(results, list) else [],
        float(str(found.get("seconds", 0))),
        Outcome(
            str(found.get("summary", "")),
            tuple(Path(str(file)) for file in files) if isinstance(files, list) else (),
            str(found.get("table", "")),
        ),
    )


def write_record(step: Step, record: Record) -> None:
    """Remember a step, once everything it makes is there."""
    write_json(
        _path(step),
        {
            "asked": record.asked,
            "made": record.made,
            "seconds": round(record.seconds, 3),
            "summary": record.outcome.summary,
            "table": record.outcome.table,
            "files": [str(file) for file in record.outcome.files],
        },
    )


def _path(step: Step) -> Path:
    return step.out.parent / FOLDER / f"{step.name}.json"
