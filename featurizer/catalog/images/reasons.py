"""Every reason why a picture is not there: what it means, whether it is tried again, and what can be done."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError, PayloadEncodingError

from featurizer.catalog.images.addresses import ForbiddenHost
from featurizer.catalog.retry import worth_retrying

DEEPEST: Final = 8
"""So many causes of an error are looked at."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What `image_status` says of a picture that is not there.

    Attributes:
        meaning: what was found.
        advice: what to do.
        retried: whether the same run tries again: the next try may go better.
    """

    meaning: str
    advice: str
    retried: bool = field(default=False, kw_only=True)


_LOOK = "look at what the address serves"
_LATER = "run again with `--retry-failed`"
_ADDRESS = "correct the address"

REASONS: Final[Mapping[str, Reason]] = {
    "bad_url": Reason(
        "no address of the web: an unknown scheme, no host or a wrong one, a port outside "
        "1–65,535, a login, a control character, more than 8,192 characters; or a redirect to such",
        _ADDRESS,
    ),
    "unsupported_scheme": Reason(
        "an address of an object store (`s3://`, `gs://`, `az://`, …), which is not read from yet",
        "sign the addresses (`aws s3 presign`: https addresses that hold for a while), or copy the bucket to this disk "
        "and name the folder with `--images`: as much of an address as lies below it is taken",
    ),
    "forbidden_host": Reason(
        "the host, or one that it redirects to, is in a private network or this machine itself",
        "if it is meant, `--allow-private-hosts`",
    ),
    "forbidden_path": Reason(
        "a file outside the one folder that is read from: that of `--images`, else the table's own; links followed",
        "if it is meant, name its folder with `--images FOLDER`",
    ),
    "dns": Reason("nobody knows the host's name", _ADDRESS),
    "dns_busy": Reason(
        "the host's name could not be asked for", f"check the network, {_LATER}", retried=True
    ),
    "connection": Reason("the host refuses connections or breaks them off", _LATER, retried=True),
    "timeout": Reason(
        "the host does not answer, or too slowly", f"{_LATER}, and a longer `--timeout`", retried=True
    ),
    "host_down": Reason("not asked: the host had failed for one address after another", _LATER),
    "tls": Reason(
        "the host proves not to be who it should be (expired, another name, unknown authority) or speaks no TLS",
        "correct the address, or have the host's certificate renewed",
    ),
    "proxy": Reason(
        "the proxy could not be reached, or refused", "check HTTP_PROXY, HTTPS_PROXY", retried=True
    ),
    "bad_response": Reason("what came is no HTTP", _LOOK, retried=True),
    "too_many_redirects": Reason("the address leads on and on", _ADDRESS),
    "http_…": Reason(
        "the host answered with this status (404: not there; 403, 401: not for you)",
        _ADDRESS,
    ),
    "http_408, http_429, http_5…": Reason(
        "the host has too much to do (429), or a fault of its own (500 and above)",
        f"{_LATER}, of 429 with fewer at once (`--per-host`)",
        retried=True,
    ),
    "truncated": Reason(
        "the picture ends too early; one that broke off on its way is tried again, one that is stored so is not",
        _LATER,
        retried=True,
    ),
    "too_large": Reason(
        "more bytes than `--max-bytes`, or more than 64 million pixels, or a strip of more than 200:1",
        "a larger `--max-bytes`, or a smaller picture",
    ),
    "empty": Reason("no bytes", _LOOK),
    "not_an_image": Reason("something else than a picture, mostly a web page", _LOOK),
    "placeholder": Reason("one pixel, or transparent throughout: what shops serve for none", _LOOK),
    "decode_error": Reason("a picture, or a compression of one, with a fault in it", _LOOK),
    "needs_pillow_heif": Reason("HEIC, and what reads it is missing", "`pip install 'featurizer[heif]'`"),
    "missing_file": Reason("no such file", "correct the path, or name its folder with `--images`"),
    "unreadable_file": Reason(
        "no file that may be read: a folder, a pipe, no permission", "look at the file"
    ),
    "error_…": Reason("an error that nobody foresaw, by its Python name", "please report it"),
}
"""By name; `…` stands for what differs."""


def explain(reason: str) -> Reason:
    """Return what is known of a reason, such as `http_404`.

    Raises:
        KeyError: no such reason.
    """
    kind, _, detail = reason.partition("_")
    if kind == "http" and detail.isdigit():
        return REASONS["http_408, http_429, http_5…" if worth_retrying(int(detail)) else "http_…"]
    return REASONS["error_…" if kind == "error" else reason]


def reason_of(error: Exception) -> tuple[str, bool]:
    """Return the reason that an error of fetching is told as, and whether another try may go better.

    Every exception has one; what is not known here is `error_<its class>`, and not tried again.
    """
    causes = causes_of(error)
    for reason, kinds in _ERRORS:
        found = next((cause for cause in causes if isinstance(cause, kinds)), None)
        if isinstance(found, socket.gaierror) and found.errno == socket.EAI_AGAIN:
            return "dns_busy", True
        if found is not None:
            return reason, REASONS[reason].retried
    return f"error_{type(error).__name__}", False


_ERRORS: Final[tuple[tuple[str, tuple[type[BaseException], ...]], ...]] = (
    ("forbidden_host", (ForbiddenHost,)),
    ("proxy", (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError)),
    ("connection", (ssl.SSLEOFError, ssl.SSLZeroReturnError)),
    ("tls", (ssl.SSLError, aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)),
    ("dns", (socket.gaierror,)),
    ("dns", (aiohttp.ClientConnectorDNSError,)),
    ("timeout", (TimeoutError,)),
    ("decode_error", (ContentEncodingError,)),
    ("truncated", (PayloadEncodingError, aiohttp.ClientPayloadError)),
    ("too_many_redirects", (aiohttp.TooManyRedirects,)),
    ("bad_response", (HttpProcessingError, aiohttp.ClientResponseError)),
    ("bad_url", (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)),
    ("connection", (aiohttp.ClientConnectionError, OSError, EOFError)),
)
"""The first that an error or one of its causes is of."""


def causes_of(error: BaseException) -> list[BaseException]:
    """Return an error and what it came of, the nearest first."""
    chain = [error]
    while len(chain) < DEEPEST:
        cause = chain[-1].__cause__ or getattr(chain[-1], "os_error", None)
        if not isinstance(cause, BaseException):
            break
        chain.append(cause)
    return chain
