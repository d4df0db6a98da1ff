"""Whose own code may be run: that of a Hub repository at one commit, where the user names both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from featurizer.encoders.base import EncoderRequest, is_folder
from featurizer.encoders.family import family_named
from featurizer.errors import InputError

TRUSTED = re.compile(r"(\w[\w.-]*/\w[\w.-]*)@([0-9a-f]{40})")
EXPECTED = (
    "Expected REPO@COMMIT, a repository on the Hub and the 40 digits of the commit whose code you have read, such as "
    "--trust-remote-code org/model@" + "0123456789" * 4
)


def trusting(requests: Sequence[EncoderRequest], trusted: Sequence[str]) -> list[EncoderRequest]:
    """Let the encoders of trusted repositories run the code that lies there, pinned to the commit that was read.

    Args:
        requests: the encoders.
        trusted: `REPO@COMMIT`, each for one of them.

    Raises:
        InputError: one is not of that form, names no encoder's repository, another commit than the encoder does, or
            the encoder's family runs no code of repositories.
    """
    commits: dict[str, str] = {}
    for text in trusted:
        match = TRUSTED.fullmatch(text.strip())
        if match is None:
            raise InputError(f"'{text}' does not say whose code may be run. {EXPECTED}")
        if commits.setdefault(match[1], match[2]) != match[2]:
            raise InputError(
                f"two commits of {match[1]} are to be trusted; name the one whose code you have read"
            )
    found = [_trusting(one, commits[one.model]) if _is_named(one, commits) else one for one in requests]
    unnamed = commits.keys() - {one.model for one in found if one.remote_code}
    if unnamed:
        asked = ", ".join(f"{one.family}:{one.model}" for one in requests)
        raise InputError(
            f"code of {', '.join(sorted(unnamed))} may be run, but no encoder comes from there ({asked}); leave it "
            "out, or name the encoder as FAMILY:REPO"
        )
    return found


def _is_named(request: EncoderRequest, commits: dict[str, str]) -> bool:
    return request.model in commits and request.weights is None and not is_folder(request.model)


def _trusting(request: EncoderRequest, commit: str) -> EncoderRequest:
    family = family_named(request.family)
    if not family.remote_code:
        raise InputError(
            f"{family.name}:{request.model} never runs code of a repository, so there is none to trust; leave "
            "--trust-remote-code out"
        )
    if request.revision not in (None, commit):
        raise InputError(
            f"{family.name}:{request.model} is asked for at {request.revision}, but the code of {commit} is trusted; "
            "name the same commit twice, or leave the revision out"
        )
    return replace(request, revision=commit, remote_code=True)
