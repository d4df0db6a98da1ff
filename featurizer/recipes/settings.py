"""What a recipe leaves open: `vars`, `${name}` in its texts, and `--set key=value` from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import yaml

from featurizer.config import parse_yaml
from featurizer.errors import InputError, UnknownName
from featurizer.records import Json

Document: TypeAlias = dict[str, Json]
VAR = re.compile(r"\$\{([^}]*)\}")


def with_settings(document: Document, settings: Sequence[str]) -> Document:
    """Return the recipe with each `key=value` in its place: `out`, a variable, or STEP.OPTION.

    Raises:
        InputError: a setting is not of that form.
        UnknownName: there is no such variable or step.
    """
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or not key.strip():
            raise InputError(
                f"--set {setting}: expected KEY=VALUE, KEY a variable of the recipe, out, or STEP.OPTION"
            )
        try:
            value = parse_yaml(text, origin="the value") if text else ""
        except InputError as error:
            raise InputError(f"--set {setting}: {text!r} is no YAML value; quote it") from error
        document = _set(document, key.strip(), value)
    return document


def _set(document: Document, key: str, value: Json) -> Document:
    variables, steps = mapping(document.get("vars")), steps_of(document)
    if key == "out":
        return {**document, "out": value}
    if key in variables:
        return {**document, "vars": {**variables, key: value}}
    step, dot, option = key.partition(".")
    named = {str(one.get("name")) for one in steps}
    if not dot or step not in named:
        known = ["out", *variables, *(f"{name}.OPTION" for name in named)]
        raise UnknownName("setting", key, known, advice="Options of a step are set as STEP.OPTION=VALUE.")
    changed = [_nested(one, option.split("."), value) if one.get("name") == step else one for one in steps]
    return {**document, "steps": [*changed]}


def _nested(outer: Document, keys: Sequence[str], value: Json) -> Document:
    if len(keys) == 1:
        inside = [name for name, part in outer.items() if keys[0] not in outer and keys[0] in mapping(part)]
        changed = {name: {**mapping(outer[name]), keys[0]: value} for name in inside[:1]}
        return {**outer, **(changed or {keys[0]: value})}
    return {**outer, keys[0]: _nested(mapping(outer.get(keys[0])), keys[1:], value)}


def steps_of(document: Document) -> list[Document]:
    """Return the entries of `steps` that are mappings."""
    steps = document.get("steps")
    return [one for one in steps if isinstance(one, dict)] if isinstance(steps, list) else []


def mapping(value: Json) -> Document:
    """Return a mapping as it is, and nothing for what is none."""
    return value if isinstance(value, dict) else {}


def filled(value: Json, variables: Mapping[str, Json]) -> Json:
    """Put variables into texts; a text that is one variable alone becomes its value, of whatever type.

    Raises:
        UnknownName: a text names no variable.
        InputError: a variable without a value stands inside a longer text.
    """
    if isinstance(value, dict):
        return {name: filled(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value
    whole = VAR.fullmatch(value)
    if whole:
        return variables[_known(whole[1], variables)]
    return VAR.sub(lambda found: _text(found[1], variables), value)


def _text(name: str, variables: Mapping[str, Json]) -> str:
    value = variables[_known(name, variables)]
    if value is None:
        raise InputError(f"the variable {name} has no value; give one with --set {name}=VALUE")
    return str(value)


def _known(name: str, variables: Mapping[str, Json]) -> str:
    if name not in variables:
        raise UnknownName("variable", name, variables, advice="Variables stand under 'vars'.")
    return name


def written(name: str, value: object) -> str:
    """Return a setting as `KEY=VALUE`, which reads back as the same value."""
    return f"{name}={yaml.safe_dump(value, default_flow_style=True).removesuffix(chr(10)).removesuffix('...').strip()}"
