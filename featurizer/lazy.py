"""A module that is imported when something of it is first used.

A file that declares options beside the model they are of is read for `--help`, where nobody waits for torch:

    if TYPE_CHECKING:
        import torch
    else:
        torch = lazy("torch")
"""

from __future__ import annotations

from importlib import import_module


class _LazyModule:
    """Stands for a module of which nothing has been used yet; it is in nobody's `sys.modules`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(import_module(self._name), attribute)


def lazy(name: str) -> object:
    """Return what stands for the module `name` and imports it at the first use of an attribute."""
    return _LazyModule(name)
