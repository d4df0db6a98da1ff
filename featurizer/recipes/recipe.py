"""A recipe: one YAML file, an ordered list of steps; found by path or by its shipped name, and validated whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from featurizer.config import Config, load_yaml, read_yaml_text
from featurizer.errors import FeaturizerError, InputError, UnknownName
from featurizer.recipes.settings import Document, filled, mapping, steps_of, with_settings
from featurizer.recipes.step import Step, read_step
from featurizer.records import Json
from featurizer.resources import asset

FOLDER = "pipelines"
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class RecipeFile(Config):
    """The file as it is written."""

    title: str = ""
    """A line for people."""
    out: str
    """The folder; each step writes into one of its own inside."""
    vars: dict[str, bool | int | float | str | None] = Field(default_factory=dict)
    """What `--set` may change, with defaults; null: none is given."""
    steps: list[dict[str, object]]
    """In order."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe, ready to plan.

    Attributes:
        name: the file's.
        title: a line for people.
        out: the folder of all steps.
        steps: in order.
        left_out: the steps whose `when` has no value, and that variable.
    """

    name: str
    title: str
    out: Path
    steps: tuple[Step, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)


def shipped() -> list[str]:
    """Return the names of the recipes that come with the program."""
    return sorted(
        file.name.removesuffix(".yaml") for file in asset(FOLDER).iterdir() if file.name.endswith(".yaml")
    )


def load_recipe(location: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe from a path, or by the name of a shipped one.

    Args:
        location: `my.yaml`, or `quickstart`.
        settings: `key=value` each.

    Raises:
        UnknownName: there is no such file and no such shipped recipe.
        InputError: names file, step and field, what was found and the nearest names.
    """
    path = Path(location)
    if path.is_file():
        return parse_recipe(read_yaml_text(path), origin=location, name=path.stem, settings=settings)
    name = path.name.removesuffix(".yaml")
    if name not in shipped() or location not in (name, f"{name}.yaml", f"{FOLDER}/{name}.yaml"):
        raise UnknownName(
            "recipe", location, shipped(), advice="Give the path of a YAML file, or a shipped recipe's name."
        )
    text = (asset(FOLDER) / f"{name}.yaml").read_text("utf-8")
    return parse_recipe(text, origin=f"{name}.yaml", name=name, settings=settings)


def parse_recipe(text: str, *, origin: str, name: str, settings: Sequence[str] = ()) -> Recipe:
    """Validate a recipe and put its variables in.

    Raises:
        InputError: names file, step and field.
    """
    document = load_yaml(RecipeFile, text, origin=origin).model_dump()
    try:
        document = with_settings(document, settings)
        variables = mapping(document.get("vars"))
        out = _folder(filled(document["out"], variables))
        steps, left_out = _steps(document, variables, out)
    except FeaturizerError as error:
        raise InputError(f"{origin}: {error}") from error
    return Recipe(name, str(document["title"]), out, tuple(steps), left_out)


def _folder(value: Json) -> Path:
    if isinstance(value, bool | list | dict) or not str(value or "").strip():
        raise InputError(f"field out: found {value!r}, expected a folder to write into, such as runs/first")
    return Path(str(value))


def _steps(document: Document, variables: Document, out: Path) -> tuple[list[Step], dict[str, str]]:
    written = steps_of(document)
    steps: list[Step] = []
    left_out: dict[str, str] = {}
    for number, raw in enumerate(written, 1):
        name = _name(raw, number, [*(step.name for step in steps), *left_out])
        when = raw.get("when")
        if when is not None and str(when) not in variables:
            raise UnknownName(f"variable in 'when' of step {name}:", str(when), variables)
        if when is not None and not variables[str(when)]:
            left_out[name] = str(when)
            continue
        rest: dict[str, Json] = {key: value for key, value in raw.items() if key != "when"}
        steps.append(read_step(rest, variables, steps, [*left_out], out))
    if not steps:
        raise InputError("no step is left; expected at least one under 'steps'")
    return steps, left_out


def _name(raw: Document, number: int, taken: Sequence[str]) -> str:
    name = raw.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(
            f"step {number}, field name: found {name!r}, expected small letters, digits and hyphens, such as features"
        )
    if name in taken:
        raise InputError(f"step {number}: a step called '{name}' stands above; give each a name of its own")
    return name
