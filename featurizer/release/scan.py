"""What must not go out with a release: places on this machine, logins, keys. Looked for before anything is sent."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from featurizer.release.plan import Plan, PlannedFile

SECRETS: Mapping[str, str] = {
    "a login in an address": r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s\"'<>]+:[^/?#\s\"'<>]*@",
    "a key in an address": (
        r"(?i)[?&]([\w-]*(signature|credential|token)|sig|auth|secret|password|api[_-]?key)=[^&\s]{6}"
    ),
    "a token of the Hub": r"\bhf_[A-Za-z0-9]{20,}",
    "a token of GitHub": r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})",
    "a key of AWS": r"\bAKIA[0-9A-Z]{16}\b",
    "an API key": r"\bsk-(proj-)?[A-Za-z0-9]{32,}",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "an address on this machine": r"file://[^\s\"'<>]*",
}
"""Looked for everywhere, by what it is; regular expressions that RE2 reads too."""
HOMES = ("home", "Users", "root")
"""Folders that people keep things in, on whatever machine."""
_PATH = re.compile(
    r"(^|(?<=[\s\"'=:(]))"
    r"(/(?P<top>[\w.-]+)/(?P<inside>[^\s\"'<>)/\\]+)|[A-Za-z]:\\{1,2}[^\s\"'<>:\\]{2,}\\)[^\s\"'<>)]*",
    re.MULTILINE,
)
TEXTS = (".json", ".jsonl", ".md", ".yaml", ".yml", ".txt", ".csv")
SHOWN = 40
"""Characters of what was found that are told, at most."""


def exposed(plan: Plan) -> list[str]:
    """Return what a release would give away, one line a file and kind, with the first place of each.

    Secrets themselves are not repeated: of what may be one, the first characters alone.
    """
    machine = _machine()
    about = {**SECRETS, **({"this machine's name": machine} if machine else {})}
    return [line for file in plan.files for line in _of_file(file, about)]


def _machine() -> str:
    """Return what finds this machine's name and this user's folder; nothing for names that say nothing."""
    name, home = socket.gethostname(), str(Path.home())
    words = [re.escape(home)] if home.count("/") > 1 else []
    words += [rf"\b{re.escape(name)}\b"] if len(name) > 5 and not name.startswith("localhost") else []
    return "|".join(words)


def _of_file(file: PlannedFile, patterns: Mapping[str, str]) -> Iterator[str]:
    if file.path.endswith(TEXTS):
        content = file.content if file.content is not None else Path(str(file.source)).read_bytes()
        text = content.decode("utf-8", "replace")
        places = {what: re.search(pattern, text) for what, pattern in patterns.items()}
        for what, found in {"a path on this machine": _path(text), **places}.items():
            if found is not None:
                yield f"{file.path}, line {text.count(chr(10), 0, found.start()) + 1}: {what}: {_start(found[0])}"
    elif file.path.endswith(".parquet") and file.source is not None:
        yield from _of_table(file.path, file.source)


def _path(text: str) -> re.Match[str] | None:
    """Return the first path from the top: into a folder of people's, or one whose first two folders are here."""
    return next((found for found in _PATH.finditer(text) if _is_here(found)), None)


def _is_here(found: re.Match[str]) -> bool:
    top, inside = found["top"], found["inside"]
    if top is None or top in HOMES:
        return True
    try:
        return Path("/", top, inside).exists()
    except (OSError, ValueError):  # longer than a path may be, or with what none may hold
        return False


def _of_table(name: str, path: Path) -> Iterator[str]:
    """Look into every column that holds texts, nested ones too, a row group in memory at a time."""
    table = pq.ParquetFile(path)
    able = [one.name for one in table.schema_arrow if _holds_texts(one.type)]
    seen: set[tuple[str, str]] = set()
    for group in range(table.num_row_groups if able else 0):
        part = table.read_row_group(group, columns=able)
        for column in able:
            for texts, (what, pattern) in itertools.product(_texts(part.column(column)), SECRETS.items()):
                hits = texts.filter(pc.match_substring_regex(texts, pattern))
                if len(hits) and (column, what) not in seen:
                    seen.add((column, what))
                    found = re.search(pattern, str(hits[0].as_py()))
                    yield f"{name}, column {column}: {what}: {_start(found[0] if found else '')}"


def _holds_texts(kind: pa.DataType) -> bool:
    if pa.types.is_nested(kind):
        return any(_holds_texts(kind.field(at).type) for at in range(kind.num_fields))
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _texts(column: pa.ChunkedArray) -> Iterator[pa.ChunkedArray]:
    """Yield the texts of a column: its own, or those inside its lists and structs."""
    kind = column.type
    if not _holds_texts(kind):
        return
    if pa.types.is_struct(kind):
        for inner in column.flatten():
            yield from _texts(inner)
    elif pa.types.is_nested(kind):
        yield from _texts(pa.chunked_array([chunk.flatten() for chunk in column.chunks], kind.value_type))
    else:
        yield column


def _start(found: str) -> str:
    told = found.strip(" \"'=:(")
    return f"{told[: min(SHOWN, len(told) // 3 + 4)]}…"
