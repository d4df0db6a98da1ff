"""One step of a recipe, read: its name, what it uses, where it writes, and its validated options."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from featurizer.errors import ConfigError, FeaturizerError, UnknownName
from featurizer.operations.operation import Reads, Work, reads
from featurizer.operations.registry import STEPS
from featurizer.recipes.settings import VAR, filled
from featurizer.records import Json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class Step:
    """A step, ready to run.

    Attributes:
        name: its own.
        uses: the command.
        out: its folder.
        work: what the command is told, paths in the places of step names.
        after: the steps it reads from.
    """

    name: str
    uses: str
    out: Path
    work: Work
    after: tuple[str, ...] = ()


def read_step(
    raw: Mapping[str, Json],
    variables: Mapping[str, Json],
    before: Sequence[Step],
    left_out: Sequence[str],
    out: Path,
) -> Step:
    """Validate one entry of `steps`.

    Args:
        raw: the entry.
        variables: the recipe's.
        before: the steps above it.
        left_out: names of those that are not run.
        out: the recipe's folder.

    Raises:
        ConfigError: names the step and the field.
    """
    name, uses = str(raw["name"]), raw.get("uses")
    if uses not in STEPS:
        raise ConfigError(f"step {name}, field uses: {UnknownName('command', str(uses), STEPS)}")
    kind = STEPS[str(uses)]
    known, after = {step.name: step for step in before}, []
    options: dict[str, Json] = {}
    marks = reads(kind)
    for field, value in raw.items():
        if field in ("name", "uses"):
            continue
        try:
            options[field] = filled(value, variables)
            if field in marks:
                options[field], found = _resolved(options[field], marks[field], known, left_out)
                after += found
        except FeaturizerError as error:
            raise ConfigError(f"step {name}, field {field}: {error}") from error
    return Step(
        name, str(uses), out / name, _validated(kind, name, options, raw), tuple(dict.fromkeys(after))
    )


def _validated(kind: type[Work], name: str, options: Mapping[str, Json], raw: Mapping[str, Json]) -> Work:
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        problems = [
            _problem(problem, list(kind.model_fields), raw)
            for problem in sorted(
                error.errors(include_url=False), key=lambda problem: problem["type"] == "missing"
            )
        ]
        raise ConfigError(f"step {name}, " + "; ".join(problems)) from error
    except FeaturizerError as error:
        raise ConfigError(f"step {name}: {error}") from error


def _problem(problem: ErrorDetails, known: Sequence[str], raw: Mapping[str, Json]) -> str:
    field = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, [*known, "name", "uses", "when"], n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        return f"field {field}: no such option; {hint}"
    if problem["type"] == "missing":
        return f"field {field} is missing"
    variable = VAR.fullmatch(str(raw.get(field)))
    if variable and problem["input"] is None:
        return (
            f"field {field}: the variable {variable[1]} has no value; give one with --set {variable[1]}=VALUE"
        )
    return f"field {field}: {problem['msg']} (found {problem['input']!r:.60})"


def _resolved(
    value: Json, mark: Reads, known: Mapping[str, Step], left_out: Sequence[str]
) -> tuple[Json, list[str]]:
    """Return paths in the places of step names, and those names."""
    if isinstance(value, list):
        here = [one for one in value if one not in left_out]
        pairs = [_place(str(one), mark, known, left_out) for one in here]
        return [str(path) for path, _ in pairs], [name for _, name in pairs if name]
    if value is None:
        return None, []
    path, name = _place(str(value), mark, known, left_out)
    return str(path), [name] if name else []


def _place(
    text: str, mark: Reads, known: Mapping[str, Step], left_out: Sequence[str]
) -> tuple[Path, str | None]:
    if text in known:
        step = known[text]
        if not mark.kinds:
            return step.out, text
        makes = STEPS[step.uses].makes
        found = next((kind for kind in mark.kinds if kind in makes), None)
        if found is None:
            raise ConfigError(
                f"step {text} makes {' and '.join(makes) or 'nothing that is read'}; expected one that makes "
                f"{' or '.join(mark.kinds)}"
            )
        return step.out / makes[found], text
    if text in left_out:
        raise ConfigError(
            f"step {text} is left out, because its 'when' has no value; give this one the same 'when'"
        )
    path = Path(text).expanduser()
    if not path.exists():
        raise UnknownName("step", text, known, advice="Name a step above this one, or a path that is there.")
    return path, None
