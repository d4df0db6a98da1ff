"""How an operation stands: done, stale, damaged or to do; told by what is on disk, before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from featurizer.discretion import throughout, without_login
from featurizer.operations.operation import FolderOperation, Operation, Reads
from featurizer.operations.options import mark
from featurizer.operations.registry import command_of
from featurizer.records import Json
from featurizer.results.identity import identity
from featurizer.results.stage import differing_keys
from featurizer.results.state import State, damages, read_state, sizes_of
from featurizer.results.store_path import StorePath

Status: TypeAlias = Literal["done", "stale", "damaged", "to do", "left out"]
PLACES = ("out", "overwrite", "wait")
"""Fields that say where and how, not what."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an operation stands.

    Attributes:
        standing: `done`: finished, as it is asked for now; `stale`: finished, but of other options or inputs;
            `damaged`: finished, and its files are not what they were; `to do`: not finished; `left out`: a recipe's
            step that was not chosen.
        why: in a few words.
        state: what is remembered of it, where it is finished.
        differing: the options and inputs in which a stale one differs.
    """

    standing: Status
    why: str = ""
    state: State | None = None
    differing: tuple[str, ...] = ()


def look(operation: Operation, *, planning: bool = False) -> Standing:
    """Say how an operation stands now.

    Args:
        operation: which.
        planning: suppose that what is read and is not there just now will be made again as it was.
    """
    path = operation.state()
    made, state = made_by(operation), read_state(path) if path else None
    if any(found is None for found in made):
        begun = "begun" if isinstance(operation, FolderOperation) and _begun(operation.out) else ""
        return Standing("to do", begun if state is None else "what it made is gone")
    if state is not None and (damage := _damage(operation, state)):
        return Standing("damaged", damage, state)
    if state is None:
        return Standing("to do", "its folder is looked at when it is reached" if made else "")
    now = request(operation)
    differing = differing_keys(state.request, _as_before_where_gone(now, state.request) if planning else now)
    if differing:
        return Standing("stale", "differing: " + ", ".join(differing), state, tuple(differing))
    if made != list(state.made):
        return Standing("damaged", "its content is not what was made", state)
    return Standing("done", "", state)


def _damage(operation: Operation, state: State) -> str:
    """Say what has become of the files that were made; nothing where they are as they were."""
    broken = damages(state.sizes, sizes_of(operation.out)) if isinstance(operation, FolderOperation) else []
    more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
    return "; ".join(broken[:3]) + more


def _begun(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def made_by(operation: Operation) -> list[Json]:
    """Return the identity of each thing that the operation makes; None for what is not there."""
    return [identity(path) for path in operation.products()]


def request(operation: Operation) -> dict[str, Json]:
    """Return everything that the operation's result depends on, as it is now."""
    read: dict[str, list[Json]] = {}
    for field, about, path in inputs(operation):
        content = identity(path, card=about.card, inside=not about.kinds)
        name = _named(path)
        read.setdefault(field, []).append({"name": name, "content": content})
    left_out = {*reads(type(operation)), *operation.indifferent, *PLACES}
    options: dict[str, Json] = operation.model_dump(mode="json", exclude=left_out) | operation.settled()
    asked: dict[str, Json] = {
        "uses": command_of(type(operation)),
        "options": options,
        "reads": dict(read),
        **operation.depends(),
    }
    return throughout(asked, without_login)


def _named(path: Path) -> str:
    """Return a path's name; "." and "x/.." have one too, and links keep theirs."""
    return path.name if isinstance(path, StorePath) else Path(os.path.abspath(path)).name  # noqa: PTH100


def reads(kind: type[Operation]) -> dict[str, Reads]:
    """Return the fields that name steps or paths."""
    found = {name: mark(about, Reads) for name, about in kind.model_fields.items()}
    return {name: about for name, about in found.items() if about is not None}


def inputs(operation: Operation) -> Iterator[tuple[str, Reads, Path]]:
    """Yield every path that is read, with its field."""
    for name, about in reads(type(operation)).items():
        value = getattr(operation, name)
        for path in value if isinstance(value, tuple) else (value,):
            if path is not None:
                yield name, about, path
    for name, path in operation.encoder_folders():
        yield name, Reads(()), path


def _as_before_where_gone(now: dict[str, Json], before: dict[str, Json] | object) -> dict[str, Json]:
    """Suppose that what is read and is not there just now will be made again as it was."""
    old = before.get("reads") if isinstance(before, dict) else None
    new = now["reads"]
    if not isinstance(old, dict) or not isinstance(new, dict):
        return now
    return {**now, "reads": {field: _each(entries, old.get(field)) for field, entries in new.items()}}


def _each(now: Json, before: Json) -> Json:
    if not isinstance(now, list) or not isinstance(before, list) or len(now) != len(before):
        return now
    return [
        old if isinstance(new, dict) and new.get("content") is None else new
        for new, old in zip(now, before, strict=True)
    ]
