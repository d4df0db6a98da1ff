"""A module that is imported when something of it is first used.

A file that declares options beside the model they are of is read for `--help`, where nobody waits for torch:

    if TYPE_CHECKING:
        import torch
    else:
        torch = lazy("torch")
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def lazy(name: str) -> ModuleType:
    """Return what stands for the module `name` and imports it at the first use of an attribute.

    It is in nobody's `sys.modules`; what of it is used is looked up as a module's own `__getattr__` would (PEP 562).
    """
    stand_in = ModuleType(name)
    stand_in.__getattr__ = lambda attribute: getattr(import_module(name), attribute)  # type: ignore[method-assign]
    return stand_in
