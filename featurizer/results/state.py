"""The state book: what a finished operation was asked, and what it made of that; one small file in its folder.

`FOLDER/.featurizer/COMMAND.json`. It is read before anything heavy is loaded: the same request again is done within
the time that a look takes. It is local: it is neither published nor exported, and without it a folder is as good.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ConfigDict, Field, JsonValue, ValidationError

from featurizer.config import Config
from featurizer.errors import InputError
from featurizer.results.files import read_json, write_json
from featurizer.results.names import CARD, CROISSANT, EXAMPLES, FEATURE_SET, MODEL, SCORES, SCORES_PLOT

FOLDER = ".featurizer"
"""Where the book lies in a folder; never published, never foreign."""
LOG = ".jsonl"
"""Ends the name of a log, whose length depends on how long things took."""
VOLATILE = frozenset({"seconds", "seconds_train", "seconds_valid", "date", "host"})
"""Fields of manifests and logs that tell how long, when and where: all else is the same whenever a run is repeated."""
REWRITTEN = frozenset({CARD, SCORES, SCORES_PLOT, EXAMPLES, CROISSANT, FEATURE_SET, MODEL})
"""Files that another command may write again: cards, attached scores, manifests that take a license."""


class State(Config):
    """A finished operation."""

    model_config = ConfigDict(extra="ignore")

    request: dict[str, JsonValue]
    """Everything that its result depends on: options, identities of what was read, library versions."""
    made: list[JsonValue]
    """The identity of each thing it made."""
    sizes: dict[str, int] = Field(default_factory=dict)
    """Bytes of each file it made, by path in the folder."""
    seconds: float = 0.0
    """That it took."""
    summary: str = ""
    """One line of what came of it."""
    table: str = ""
    """Shown at the end of a recipe."""
    files: tuple[Path, ...] = ()
    """What a person would open."""


def state_file(folder: Path, command: str) -> Path:
    """Return where a command's state stands in the folder it writes."""
    return folder / FOLDER / f"{command}.json"


def read_state(path: Path) -> State | None:
    """Return what is remembered, or None where nothing is.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        return State.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"{path}, field {'.'.join(map(str, first['loc']))}: {first['msg']}; expected what the command wrote "
            "there. Delete the file: the result beside it is looked at anew"
        ) from error


def write_state(path: Path, state: State) -> None:
    """Remember a finished operation; the last thing it writes."""
    write_json(path, state.model_dump(mode="json") | {"seconds": round(state.seconds, 3)})


def sizes_of(folder: Path) -> dict[str, int]:
    """Return the bytes of every file that makes a result up, by its path; logs and dot files do not count."""
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and not hidden and inside.name not in REWRITTEN and path.suffix != LOG:
            found[inside.as_posix()] = path.stat().st_size
    return found


def damages(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """Say what has become of a result's files: missing, of another size, or put there by somebody else."""
    told = [f"{name} is missing" for name in before if name not in now]
    told += [
        f"{name} holds {now[name]:,} bytes, not {size:,}"
        for name, size in before.items()
        if name in now and now[name] != size
    ]
    inside = {name.partition("/")[0] for name in before if "/" in name}
    told += [
        f"{name} was not put there by this command"
        for name in now
        if name not in before and name.partition("/")[0] in inside and "/" in name
    ]
    return told
