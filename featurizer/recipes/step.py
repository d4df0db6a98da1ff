"""One step of a recipe, read: its name, what it uses, where it writes, and its validated options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from featurizer.errors import FeaturizerError, InputError, UnknownName
from featurizer.operations.operation import Operation, Reads
from featurizer.operations.registry import COMMANDS, operation
from featurizer.operations.standing import reads
from featurizer.operations.validation import problems
from featurizer.recipes.settings import VAR, filled
from featurizer.records import Json


@dataclass(frozen=True, slots=True)
class Step:
    """A step, ready to run.

    Attributes:
        name: its own.
        out: its folder.
        operation: the command with its options, paths in the places of step names.
        after: the steps it reads from.
        uses: the command.
    """

    name: str
    uses: str
    out: Path
    operation: Operation
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
        InputError: names the step and the field.
    """
    name, uses = str(raw["name"]), raw.get("uses")
    if uses not in COMMANDS:
        raise InputError(f"step {name}, field uses: {UnknownName('command', str(uses), COMMANDS)}")
    kind = operation(str(uses))
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
            raise InputError(f"step {name}, field {field}: {error}") from error
    _refuse_unstated(name, kind, raw)
    made = _validated(kind, name, {**kind.placed(out / name), **options}, raw)
    return Step(name, str(uses), out / name, made, tuple(dict.fromkeys(after)))


def _refuse_unstated(name: str, kind: type[Operation], raw: Mapping[str, Json]) -> None:
    for field in kind.stated:
        if field not in raw:
            raise InputError(
                f"step {name}, field {field} is missing; expected a recipe to say it: {field}: true, or {field}: false"
            )


def _validated(
    kind: type[Operation], name: str, options: Mapping[str, Json], raw: Mapping[str, Json]
) -> Operation:
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        told = [*_unset(error, raw, options)] or [f"field {problem}" for problem in problems(kind, error)]
        raise InputError(f"step {name}, {'; '.join(told)}") from error
    except FeaturizerError as error:
        raise InputError(f"step {name}: {error}") from error


def _unset(error: ValidationError, raw: Mapping[str, Json], options: Mapping[str, Json]) -> Iterator[str]:
    """Name the variables without a value that are to blame."""
    for field in dict.fromkeys(str(one["loc"][0]) for one in error.errors() if one["loc"]):
        written = raw.get(field)
        variable = VAR.fullmatch(written) if isinstance(written, str) else None
        if variable and options.get(field) is None:
            yield (
                f"field {field}: the variable {variable[1]} has no value; give one with --set {variable[1]}=VALUE"
            )


def _resolved(
    value: Json, mark: Reads, known: Mapping[str, Step], left_out: Sequence[str]
) -> tuple[Json, list[str]]:
    """Return paths in the places of step names, and those names."""
    if isinstance(value, list):
        here = [one for one in value if one not in left_out]
        pairs = [_place(str(one), mark, known, left_out) for one in here]
        return [str(path) for path, _ in pairs], [name for _, name in pairs if name]
    if value in (None, ""):  # a variable that was emptied
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
        makes = type(step.operation).makes
        found = next((kind for kind in mark.kinds if kind in makes), None)
        if found is None:
            raise InputError(
                f"step {text} makes {' and '.join(makes) or 'nothing that is read'}; expected one that makes "
                f"{' or '.join(mark.kinds)}"
            )
        made = step.out / makes[found]
        if made not in step.operation.products():
            raise InputError(
                f"step {text} makes no {found} here, for it is given none; expected a step that does, or a file"
            )
        return made, text
    if text in left_out:
        raise InputError(
            f"step {text} is left out, because its 'when' has no value; give this one the same 'when'"
        )
    path = Path(text).expanduser()
    if not path.exists():
        raise UnknownName("step", text, known, advice="Name a step above this one, or a path that is there.")
    return path, None
