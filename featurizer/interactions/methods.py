"""How interactions may be split; read by the command line, so nothing heavy is imported."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from featurizer.errors import InputError, UnknownName

COLD = "cold-items"
METHODS = ("random", "leave-one-out", "global-time")


def cold_share(method: str) -> float | None:
    """Return the share of the items that a split makes cold; None of one that makes none.

    Raises:
        UnknownName: no such method.
        InputError: the share is no number between 0 and 1.
    """
    name, _, share = method.partition(":")
    if method in METHODS:
        return None
    if name != COLD:
        raise UnknownName("split", method, [*METHODS, f"{COLD}:0.2"])
    try:
        found = float(share)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise InputError(
            f"the split {method} has the share '{share}'; expected a number between 0 and 1, as in {COLD}:0.2"
        )
    return found


def _known(method: str) -> str:
    try:
        cold_share(method)
    except InputError as error:
        raise ValueError(str(error)) from error  # pydantic adds where it stands
    return method


SplitMethod: TypeAlias = Annotated[str, AfterValidator(_known)]
"""`random`: MMRec's; `leave-one-out`: by time, each user's last two; `global-time`: by two moments for all;
`cold-items:SHARE`: by item."""
