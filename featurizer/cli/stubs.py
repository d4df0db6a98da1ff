"""What an editor completes: `featurizer/__init__.pyi`, made from the operations: `python -m featurizer.cli.stubs`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path

import featurizer
from featurizer import api
from featurizer.operations.operation import FolderOperation, Operation
from featurizer.operations.options import Option, options_of
from featurizer.operations.registry import COMMANDS, function_of, operation

FILE = Path(featurizer.__file__).with_name("__init__.pyi")
HEAD = '''\
"""Made by `make docs` from the operations; change those."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from featurizer.encoders.options import EncoderOptions

'''
PLACES = '''\
class HasFolder(Protocol):
    """What lies in a folder: a catalog, a feature set, a model, …."""

    @property
    def folder(self) -> Path: ...

class HasArrow(Protocol):
    """A table: of polars, pandas or pyarrow."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

Place: TypeAlias = str | PathLike[str] | HasFolder

'''
SCALARS = {Path: "Place", str: "str", int: "int", float: "float", bool: "bool"}
"""How each kind of value is written; what lies in a folder may be given as the object that stands for it."""
WORD = re.compile(r"[A-Za-z_]\w*")


def stub() -> str:
    """Return the stub of the package: every function with its options, every class of what they return."""
    kinds = {function_of(command): operation(command) for command in COMMANDS}
    known = dict(_origins(api.__file__, api.__name__))
    for kind in kinds.values():
        known |= _origins(inspect.getsourcefile(kind) or "", kind.__module__)
    returned = {name: _returned(kind) for name, kind in kinds.items()}
    words = {word for written in returned.values() for word in WORD.findall(written)} | {"Finished"}
    imports = {f"from {module} import {name} as {name}" for name, module in _classes().items()}
    imports |= {f"from {known[word][0]} import {known[word][1]} as {word}" for word in words if word in known}
    own = Path(api.__file__).read_text("utf-8")
    bodies = [_function(name, kind, returned[name]) for name, kind in sorted(kinds.items())]
    bodies += [_head_of(own, name) for name in sorted(api.OWN)]
    return HEAD + "\n".join(sorted(imports)) + "\n\n__version__: str\n\n" + PLACES + "\n".join(bodies)


def _classes() -> Mapping[str, str]:
    names: Mapping[str, str] = vars(featurizer)["_NAMES"]
    return names


def _function(name: str, kind: type[Operation], returned: str) -> str:
    options = options_of(kind)
    places = [_parameter(option) for option in options if option.argument]
    named = [_parameter(option) for option in options if not option.argument and not option.hidden]
    parameters = ",\n    ".join([*places, "*", *named, "progress: bool | None = None"])
    lines = (api.function(name).__doc__ or "").replace("\\", "\\\\").splitlines()
    text = "\n".join(f"    {line}".rstrip() for line in lines).strip()
    return f'def {name}(\n    {parameters},\n) -> {returned}:\n    """{text}\n    """\n'


def _parameter(option: Option) -> str:
    hint = _hint(option)
    if option.required:
        return f"{option.name}: {hint}"
    plain = isinstance(option.default, bool | int | float | str) or option.default is None
    return f"{option.name}: {hint} = {option.default!r}" if plain else f"{option.name}: {hint} = ..."


def _hint(option: Option) -> str:
    one = f"Literal[{', '.join(map(repr, option.choices))}]" if option.choices else SCALARS[option.kind]
    if option.argument and option.name == "path" and option.kind is str:
        one = f"{SCALARS[Path]} | HasArrow"
    if option.name == "encoders":
        one = f"{one} | EncoderOptions"
    hint = f"Sequence[{one}] | {one}" if option.many else one
    return f"{hint} | None" if option.optional else hint


def _returned(kind: type[Operation]) -> str:
    """Return the type of what a call returns, as the operation's module writes it."""
    method = kind.open if issubclass(kind, FolderOperation) else kind.run
    written = str(inspect.signature(method).return_annotation)
    inside = re.fullmatch(r"Outcome\[(.*)\]", written)
    return inside[1] if inside else written


def _origins(file: str, module: str) -> dict[str, tuple[str, str]]:
    """Return the module and the name there of each name that a file imports or defines."""
    found: dict[str, tuple[str, str]] = {}
    tree = ast.parse(Path(file).read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("featurizer"):
            found |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = module, node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = module, node.target.id
    return found


def _head_of(source: str, name: str) -> str:
    """Return a function's signature and docstring, as its file writes them."""
    lines = source.splitlines()
    node = next(
        one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef) and one.name == name
    )
    return "\n".join(lines[node.lineno - 1 : node.body[0].end_lineno]) + "\n"


def main() -> None:
    """Write the stub."""
    FILE.write_text(stub(), "utf-8")


if __name__ == "__main__":
    main()
