"""What may be stored and told of an address: no login, no key, of a file on this machine its name alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

_LOGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:/{1,2})[^/?#\s\"'<>]*@")
_KEY = re.compile(
    r"([?&](?:[\w-]*signature|[\w-]*credential|[\w-]*token|sig|auth|passw(?:or)?d|secret|api[_-]?key)=)[^&#\s\"'<>]+",
    re.IGNORECASE,
)
_FILE = re.compile(r"\bfile:(?=[/\\]|[A-Za-z]:[/\\])[^\s\"'<>]*[/\\]([^/\\\s\"'<>]*)", re.IGNORECASE)
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:[/\\]\S*\s*")

_COPY = re.compile(r"(?:[^\s\"'<>]*[/\\])?featurizer-[0-9a-f]{24}(\.parquet)?(?![\w.])")
_TOKEN = re.compile(r"\b(hf_|api_org_)\w{4,}|(?<=Bearer )\S+")

T = TypeVar("T")


def without_login(text: str) -> str:
    """Return a text whose addresses name no user, no password and no key: it may be stored, shown and logged."""
    return _KEY.sub(r"\1", _LOGIN.sub(r"\1", text)) if ":/" in text else text


def without_token(text: str, token: str | None = None) -> str:
    """Return a text in which no token of the Hub is left, neither this one nor one that looks like one."""
    return _TOKEN.sub("<token>", text.replace(token, "<token>") if token else text)


def as_given(text: str) -> str:
    """Return a text in which what was put down as a file to be read (`catalog.frame`) is called what it came as."""
    return (
        _COPY.sub(lambda copy: "the table" if copy[1] else "standard input", text)
        if "featurizer-" in text
        else text
    )


def public(text: str) -> str:
    """Return a text that may be passed on: addresses without logins, and of files on this machine the names alone."""
    return _FILE.sub(r"\1", without_login(text))


def public_address(text: str) -> str:
    """Return a text that is one address as it may be passed on (`public`); any other stays, whatever stands in it."""
    return public(text) if ":" in text and _ADDRESS.fullmatch(text) else text


def throughout(value: T, change: Callable[[str], str]) -> T:
    """Return JSON, or a row of a table, with every text in it changed; keys stay."""
    changed: Any = value
    if isinstance(value, str):
        changed = change(value)
    elif isinstance(value, Mapping):
        changed = {key: throughout(part, change) for key, part in value.items()}
    elif isinstance(value, list | tuple):
        changed = [throughout(part, change) for part in value]
    return cast("T", changed)
