"""An update is given the options of the first time: one that is forgotten is asked for, not taken back."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from featurizer.errors import InputError
from featurizer.results.state import read_state

if TYPE_CHECKING:
    from featurizer.operations.ingest import Ingest

MAY_CHANGE = ("columns", "encoding", "delimiter", "gone")
"""Options that an update may be without: what the first three name is found in the source as it is now, or missed."""


def refuse_forgotten(asked: Ingest) -> None:
    """Refuse an update without an option that the catalog was made with: it would change the whole of it, unasked.

    Raises:
        InputError: there is one.
    """
    path = asked.state()
    state = read_state(path) if asked.update and not asked.overwrite and path is not None else None
    before = state.request.get("options") if state is not None else None
    if not isinstance(before, dict):
        return
    now = asked.model_dump(mode="json")
    usual = {
        name: about.get_default(call_default_factory=True) for name, about in type(asked).model_fields.items()
    }
    forgotten = {
        name: value
        for name, value in before.items()
        if name in now and name not in MAY_CHANGE and now[name] == usual[name] != value
    }
    if forgotten:
        told = " ".join(
            f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in forgotten.items()
        )
        raise InputError(
            f"{asked.out} was made with {told}, and an update is given the options of the first time; give them again, "
            "or make the catalog anew with --overwrite"
        )
