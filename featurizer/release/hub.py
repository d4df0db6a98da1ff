"""The Hub, asked patiently: what may pass is tried again, what may not becomes an error a person can act on."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import stamina

from featurizer.catalog.retry import RetryPolicy, retry_after, worth_retrying
from featurizer.discretion import without_token
from featurizer.errors import FeaturizerError, HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

T = TypeVar("T")
WAIT = "FEATURIZER_RETRY_WAIT"
"""Environment variable: seconds before the first new try."""
CONFLICT = 409


def retry_policy() -> RetryPolicy:
    """Return how stubborn publishing is; the first wait can be set in the environment."""
    first = float(os.environ.get(WAIT, "2"))
    return RetryPolicy(
        attempts=5, wait_initial=first, wait_max=15 * first, wait_jitter=first / 2, retry_after_max=300
    )


class _Redacting(logging.Formatter):
    """Formats as another does, and leaves no token in what comes out."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, tracebacks included, without secrets."""
        from huggingface_hub import get_token

        return without_token(self.inner.format(record), get_token())


def connect() -> HfApi:
    """Return the Hub's client, quiet, with the token from the usual places (HF_TOKEN, `hf auth login`).

    From here on no log line holds a token: at the highest verbosity the HTTP library logs what servers answer, and a
    server may repeat what it was sent.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    for logger in (logging.getLogger(), logging.getLogger("huggingface_hub")):
        for handler in logger.handlers:
            if not isinstance(handler.formatter, _Redacting):
                handler.setFormatter(_Redacting(handler.formatter or logging.Formatter()))
    return HfApi(library_name="featurizer")


def require_token() -> str:
    """Return the token.

    Raises:
        HubError: there is none.
    """
    from huggingface_hub import get_token

    token = get_token()
    if not token:
        raise HubError(
            "no token for the Hub; expected one in the environment variable HF_TOKEN or from 'hf auth login'. Make one "
            "with write permission at https://huggingface.co/settings/tokens"
        )
    return token


def ask(
    request: Callable[[], T],
    *,
    what: str,
    repo: str,
    policy: RetryPolicy,
    account: str = "",
    conflicts: bool = False,
) -> T:
    """Run a request, again where that can help.

    Args:
        request: is run as a whole at every try, so it must bear that.
        what: what it does, for messages.
        repo: what is asked about, likewise.
        policy: how often, with what waits.
        account: whose token it is, for messages.
        conflicts: whether 409 means that someone else is writing, which passes.

    Raises:
        HubError: refused, or not reached after all tries.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    def wait(error: Exception) -> bool | float:
        return _wait(error, policy, conflicts=conflicts)

    try:
        for attempt in stamina.retry_context(
            on=wait,
            attempts=policy.attempts,
            timeout=None,
            wait_initial=policy.wait_initial,
            wait_max=policy.wait_max,
            wait_jitter=policy.wait_jitter,
        ):
            with attempt:
                return request()
    except FeaturizerError:
        raise
    except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:
        # not `from error`: the server's own words may repeat the token
        raise HubError(_explained(error, f"{what} ({repo})", account)) from None
    raise AssertionError("a retry loop ends by returning or by raising")


def _wait(error: Exception, policy: RetryPolicy, *, conflicts: bool) -> bool | float:
    import httpx2

    if isinstance(error, FeaturizerError):
        return False
    refused = refusal(error)
    if refused is None:
        return any(isinstance(one, httpx2.TransportError) for one in causes(error))
    status = refused.response.status_code
    if not worth_retrying(status) and not (conflicts and status == CONFLICT):
        return False
    asked = retry_after(
        refused.response.headers.get("Retry-After"), now=time.time(), at_most=policy.retry_after_max
    )
    return True if asked is None else asked


def _explained(error: Exception, what: str, account: str) -> str:
    import httpx2
    from huggingface_hub import get_token

    refused = refusal(error)
    said = _first_line(causes(error)[-1] if refused is None else refused)
    begun = f"the Hub could not {what}: "
    if refused is None and any(isinstance(one, httpx2.TransportError) for one in causes(error)):
        begun = f"the Hub cannot be reached to {what}: "
    status = None if refused is None else refused.response.status_code
    return without_token(f"{begun}{said}. {_advice(status, account)}", get_token())


def _advice(status: int | None, account: str) -> str:
    again = "Run the same command again: what has arrived is kept"
    if status == 401:
        return (
            "The token is not accepted: it may be wrong, revoked or expired. 'hf auth login' takes a new one"
        )
    if status == 403:
        known = f" of {account}" if account else ""
        return (
            f"The token{known} may not do this there: use one with write permission, join the organization, or "
            "choose another --repo"
        )
    if status == 404:
        known = f"; the token is of {account}" if account else ""
        return (
            f"There is no such user, organization, repository or revision, or the token cannot see it{known}"
        )
    if status == CONFLICT:
        return f"Somebody else is writing there. {again}"
    if status is None:
        return f"Check the network and HF_ENDPOINT. {again}"
    if worth_retrying(status):
        return again
    return "The request itself is refused: see what the Hub says, and mend the card or the name"


def causes(error: BaseException) -> list[BaseException]:
    """Return an error and all it came from."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def refusal(error: BaseException) -> HfHubHTTPError | None:
    """Return the Hub's own answer behind an error, if it gave one."""
    from huggingface_hub.errors import HfHubHTTPError

    return next((one for one in causes(error) if isinstance(one, HfHubHTTPError)), None)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    server = getattr(error, "server_message", None)
    said = f"{lines[0] if lines else type(error).__name__}" + (f" ({server})" if server else "")
    return said.rstrip(".")
