"""Who writes a folder: a process, as it introduces itself to another that wants the same folder."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from featurizer.results.files import is_alive

_SECRET = re.compile(r"(?i)--?[\w-]*(token|password|passwd|secret|key|credential|auth)[\w-]*")
_USER = re.compile(r"(\w+://)[^/@\s]+@")
_QUERY = re.compile(r"(\w+://[^\s?]+)\?\S+")
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{8,}")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that writes a folder.

    Attributes:
        pid: its number.
        host: of which machine.
        command: its command line, without secrets.
        since: when it took the folder, UTC, to the second.
        fingerprint: of the configuration it writes under.
        shared: whether others of the same fingerprint may write too.
    """

    pid: int
    host: str
    command: str
    since: str
    fingerprint: str
    shared: bool

    @classmethod
    def this_process(cls, fingerprint: str, *, shared: bool) -> Holder:
        """Return what this process says of itself."""
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(os.getpid(), socket.gethostname(), command_line(sys.argv), since, fingerprint, shared)

    @classmethod
    def parse(cls, line: str) -> Holder | None:
        """Read one line of a lock file; None where it was not written to its end."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            return None

    @property
    def may_live(self) -> bool:
        """Whether it runs; True for another host's, which cannot be asked after."""
        return self.host != socket.gethostname() or is_alive(self.pid)

    def line(self) -> str:
        """Return the line of a lock file."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since} ({self.command})"


def command_line(argv: Sequence[str]) -> str:
    """Return a command line without tokens, passwords, users and signatures of addresses."""
    program = Path(argv[0])
    shown = [program.parent.name if program.name == "__main__.py" else program.name]
    hidden = False
    for word in argv[1:]:
        option, equals, _ = word.partition("=")
        secret = _SECRET.fullmatch(option) is not None
        if hidden:
            shown.append("…")
        else:
            shown.append(f"{option}=…" if secret and equals else _open(word))
        hidden = secret and not equals and not hidden
    return " ".join(f'"{word}"' if " " in word else word for word in shown)


def _open(word: str) -> str:
    return _HUB_TOKEN.sub("hf_…", _QUERY.sub(r"\1?…", _USER.sub(r"\1…@", word)))
