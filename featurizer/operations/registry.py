"""The commands, in the order of their help. Nothing of one is imported before it is asked for."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from featurizer.errors import UnknownName

if TYPE_CHECKING:
    from featurizer.operations.operation import Operation

COMMANDS = (
    "datasets",
    "download",
    "ingest",
    "encoders",
    "extract",
    "pretrain-ica",
    "align",
    "inspect",
    "verify",
    "score-features",
    "train",
    "recommend",
    "compare",
    "report",
    "card",
    "publish",
    "pull",
    "export",
    "import",
    "diff",
    "doctor",
)
"""Each is one file of this room, named like it, with a class named like it."""
KEYWORDS = ("import",)
"""Names that Python keeps for itself: their module ends in an underscore."""


FUNCTIONS = {
    "datasets": "list_datasets",
    "encoders": "list_encoders",
    "report": "make_report",
    "import": "import_vectors",
}
"""Commands whose Python function has another name: theirs is a room's of the package, a noun, or Python's own."""


def function_of(command: str) -> str:
    """Return the name of a command's Python function."""
    return FUNCTIONS.get(command, command.replace("-", "_"))


def module_of(command: str) -> str:
    """Return the name of a command's module in this room."""
    return command.replace("-", "_") + ("_" if command in KEYWORDS else "")


def class_of(command: str) -> str:
    """Return the name of a command's class: `PretrainIca`."""
    return "".join(part.capitalize() for part in command.split("-"))


def command_of(kind: type[Operation]) -> str:
    """Return the command that an operation is."""
    return next(command for command in COMMANDS if class_of(command) == kind.__name__)


def operation(command: str) -> type[Operation]:
    """Import an operation.

    Raises:
        UnknownName: there is no such command.
    """
    if command not in COMMANDS:
        raise UnknownName("command", command, COMMANDS)
    module = import_module(f"featurizer.operations.{module_of(command)}")
    found: type[Operation] = getattr(module, class_of(command))
    return found


@cache
def summary_of(command: str) -> str:
    """Return the first line of a command's docstring, read from its file: nothing is imported for it."""
    spec = find_spec(f"featurizer.operations.{module_of(command)}")
    assert spec is not None
    assert spec.origin is not None
    for node in ast.parse(Path(spec.origin).read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == class_of(command):
            return (ast.get_docstring(node) or "").partition("\n")[0]
    raise LookupError(f"{spec.origin} has no class {class_of(command)}")
