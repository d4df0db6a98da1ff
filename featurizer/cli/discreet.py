"""What is printed and logged gives nothing away: no login, no token, and in libraries' words no folder of this user."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from featurizer.discretion import as_given, without_login, without_token


def discreet(text: str) -> str:
    """Return a text without logins, keys of addresses and tokens."""
    return as_given(without_token(without_login(text)))


def short(text: str) -> str:
    """Return what others wrote, in which folders of this user are told as a shell does: from here, or from home."""
    for find, name in ((Path.cwd, "."), (Path.home, "~")):
        with suppress(OSError, RuntimeError):  # a folder that is gone, a user without a home
            place = find()
            text = text.replace(str(place), name) if place != Path(place.anchor) else text
    return discreet(text)


def guard() -> None:
    """From now on see to it that no log line and no traceback gives anything away, whoever writes it."""
    logging.setLogRecordFactory(_record)
    sys.excepthook = _show


def _record(*given: Any, **more: Any) -> logging.LogRecord:  # noqa: ANN401 - whatever logging passes
    record = logging.LogRecord(*given, **more)
    told = record.getMessage()
    record.msg, record.args = discreet(told) if record.name.startswith("featurizer") else short(told), None
    if record.exc_info:
        record.exc_text = short("".join(traceback.format_exception(*record.exc_info)).rstrip())
    return record


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    print(short("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr, end="")
