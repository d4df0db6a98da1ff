import asyncio
import errno
import socket
import ssl
from pathlib import Path
from typing import get_args

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http_exceptions import BadStatusLine, ContentEncodingError, LineTooLong, TransferEncodingError
from hypothesis import given
from hypothesis import strategies as st

from featurizer.catalog.decode import DecodeFailure
from featurizer.catalog.images.addresses import ForbiddenHost
from featurizer.catalog.images.reasons import REASONS, explain, reason_of

KEY = ConnectionKey("a.example", 443, True, True, None, None, None)


def caused(error, cause):
    error.__cause__ = cause
    return error


def unknown(code):
    return aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(code, "unknown"))


def status(kind, code=400):
    return kind(None, (), status=code)


@pytest.mark.parametrize(
    ("error", "reason", "retried"),
    [
        (ForbiddenHost("a"), "forbidden_host", False),
        (caused(aiohttp.ClientConnectionError(), ForbiddenHost("a")), "forbidden_host", False),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "tls", False),
        (ssl.SSLCertVerificationError(1, "expired"), "tls", False),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "alert")), "tls", False),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.CertificateError("self-signed")), "tls", False),
        (aiohttp.ServerFingerprintMismatch(b"a", b"b", "a", 443), "tls", False),
        (caused(aiohttp.ClientOSError(1, "alert"), ssl.SSLError(1, "alert")), "tls", False),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "connection", True),
        (unknown(socket.EAI_NONAME), "dns", False),
        (unknown(socket.EAI_AGAIN), "dns_busy", True),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "dns", False),
        (TimeoutError(), "timeout", True),
        (aiohttp.ConnectionTimeoutError(), "timeout", True),
        (aiohttp.SocketTimeoutError(), "timeout", True),
        (aiohttp.ClientConnectorError(KEY, OSError(errno.ETIMEDOUT, "timed out")), "timeout", True),
        (aiohttp.ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, "refused")), "connection", True),
        (aiohttp.ClientConnectorError(KEY, OSError(errno.EHOSTUNREACH, "no route")), "connection", True),
        (aiohttp.ServerDisconnectedError(), "connection", True),
        (aiohttp.ClientConnectionResetError(), "connection", True),
        (aiohttp.ClientOSError(errno.EPIPE, "pipe"), "connection", True),
        (ConnectionResetError(), "connection", True),
        (asyncio.IncompleteReadError(b"", 1), "connection", True),
        (aiohttp.ClientPayloadError("short"), "truncated", True),
        (caused(aiohttp.ClientPayloadError("short"), ConnectionResetError()), "truncated", True),
        (TransferEncodingError("chunk"), "truncated", True),
        (ContentEncodingError("gzip"), "decode_error", False),
        (caused(aiohttp.ClientPayloadError("gzip"), ContentEncodingError("gzip")), "decode_error", False),
        (status(aiohttp.ClientResponseError), "bad_response", True),
        (caused(status(aiohttp.ClientResponseError), BadStatusLine("garbage")), "bad_response", True),
        (LineTooLong("line", 8190), "bad_response", True),
        (status(aiohttp.TooManyRedirects, 302), "too_many_redirects", False),
        (aiohttp.InvalidURL("http://a:b"), "bad_url", False),
        (aiohttp.InvalidUrlRedirectClientError("http://a:b"), "bad_url", False),
        (aiohttp.NonHttpUrlRedirectClientError("file:///a"), "bad_url", False),
        (status(aiohttp.ClientHttpProxyError, 502), "proxy", True),
        (aiohttp.ClientProxyConnectionError(KEY, OSError(errno.ECONNREFUSED, "refused")), "proxy", True),
        (ValueError("whatever"), "error_ValueError", False),
        (MemoryError(), "error_MemoryError", False),
        (ExceptionGroup("several", [ValueError()]), "error_ExceptionGroup", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_has_its_reason(error, reason, retried):
    assert reason_of(error) == (reason, retried)
    assert explain(reason).meaning


def subclasses(kind):
    return [kind, *(below for one in kind.__subclasses__() for below in subclasses(one))]


@pytest.mark.parametrize("kind", subclasses(aiohttp.ClientError), ids=lambda kind: kind.__name__)
def test_whatever_the_library_raises_has_a_reason_that_is_explained(kind):
    reason, _ = reason_of(kind.__new__(kind))
    assert explain(reason).meaning


def test_a_chain_of_causes_without_an_end_has_a_reason():
    error = ValueError()
    error.__cause__ = KeyError()
    error.__cause__.__cause__ = error
    assert reason_of(error) == ("error_ValueError", False)


@given(st.from_type(Exception))
def test_every_exception_has_a_reason(error):
    reason, _ = reason_of(error)
    assert explain(reason).advice


@pytest.mark.parametrize(
    ("code", "retried"), [(404, False), (403, False), (302, False), (408, True), (429, True), (503, True)]
)
def test_a_status_is_explained_by_its_kind(code, retried):
    assert explain(f"http_{code}").retried is retried


def test_every_reason_of_decoding_is_explained():
    assert set(get_args(DecodeFailure)) <= set(REASONS)


def test_a_reason_that_nobody_gives_is_not_explained():
    with pytest.raises(KeyError):
        explain("bad_luck")


def test_the_page_of_downloads_tells_every_reason():
    page = (Path(__file__).parents[2] / "docs" / "download.md").read_text("utf-8")
    rows = [
        f"| {', '.join(f'`{name}`' for name in names.split(', '))} | {reason.meaning} "
        f"| {'yes' if reason.retried else 'no'} | {reason.advice} |"
        for names, reason in REASONS.items()
    ]
    [section] = [part for part in page.split("\n## ") if part.startswith("Why a picture is not there")]
    assert [line for line in section.splitlines() if line.startswith("| `")][1:] == rows
