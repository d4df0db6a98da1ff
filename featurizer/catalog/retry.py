"""When a refused request is worth another try, and how long a server asks us to wait."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from featurizer import __version__

USER_AGENT: Final = f"featurizer/{__version__}"


def is_sendable(user_agent: str) -> bool:
    """Tell whether a header of HTTP can hold who asks: in printable ASCII, no line break among it."""
    return bool(user_agent.strip()) and user_agent.isascii() and user_agent.isprintable()


# stamina logs every retry as a warning; where nobody set logging up, Python would print each to stderr.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How stubborn a download is: exponential back-off with jitter, unless the server names the wait.

    Attributes:
        attempts: tries in all, the first included.
        wait_initial: seconds before the second try, doubled from then on.
        wait_max: the longest back-off, in seconds.
        wait_jitter: up to so many random seconds are added to each back-off.
        retry_after_max: a server's Retry-After is honored up to so many seconds.
        hopeless: a server that asks for more seconds than that is not asked again.
    """

    attempts: int = 4
    wait_initial: float = 0.5
    wait_max: float = 15.0
    wait_jitter: float = 1.0
    retry_after_max: float = 60.0
    hopeless: float = 3600.0

    def back_off(self, failures: int) -> float:
        """Return the seconds before another try after so many failures before the last one, without jitter."""
        return min(self.wait_initial * 2 ** min(failures, 30), self.wait_max)


class FailedTry(Exception):
    """One try that did not bring what was asked for.

    Attributes:
        reason: why.
        transient: whether another try may.
        wait: seconds that the server asked to be left alone for.
        data: what had arrived.
    """

    def __init__(
        self, reason: str, *, transient: bool = False, wait: float | None = None, data: bytes = b""
    ) -> None:
        super().__init__(reason)
        self.reason, self.transient, self.wait, self.data = reason, transient, wait, data


def wait_before_retry(error: Exception) -> bool | float:
    """Tell stamina whether to go on; a number is the wait that the server asked for, in seconds."""
    if not isinstance(error, FailedTry) or not error.transient:
        return False
    return True if error.wait is None else error.wait


def worth_retrying(status_code: int) -> bool:
    """Tell whether an HTTP status may be another one in a moment: 408, 429 and the server's own errors."""
    return status_code in (408, 429) or status_code >= 500


def retry_after(value: str | None, *, now: float, at_most: float) -> float | None:
    """Read a Retry-After header (seconds, or a date against the Unix time `now`); None if unreadable."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        seconds = float(value)
    else:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), at_most)
