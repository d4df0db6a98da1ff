"""Which addresses are asked at all: what is no address of the web, and what leads into one's own network."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias
from urllib.parse import quote, urljoin

from yarl import URL

IPAddress: TypeAlias = IPv4Address | IPv6Address

FORBIDDEN_HOST: Final = "forbidden_host"

LONGEST: Final = 8192
"""Characters of an address; servers and proxies refuse longer ones, and data: addresses are no web."""

_ADDRESS = re.compile(r"(https?):[/\\]{2}([^/\\?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.ASCII | re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:@\[\]]+)(?::([0-9]{0,5}))?")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_NAME = re.compile(r"(?=.{1,254}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNDECODED = re.compile(r"[\udc80-\udcff]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

# What a browser leaves as it is (WHATWG URL, path and query percent-encode sets); a signature covers it.
_PATH: Final = "/%:@!$&'()*+,;=~|[]"
_QUERY: Final = "/%:@!$&()*+,;=~|[]?\\^`{}"

# IANA's special-purpose registries (RFC 6890 and later), in full: what `ipaddress` knows of them differs by release.
_NOT_PUBLIC_4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' own
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host, seen from its machines alone
            "169.254.0.0/16",  # link-local, and the clouds' metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
_UNICAST_6: Final = IPv6Network("2000::/3")
"""All of IPv6 that is handed out; whatever lies outside is public only as the IPv4 that it stands for."""
_NOT_PUBLIC_6: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_ISATAP: Final = frozenset({0x5EFE, 0x2005EFE})


OBJECT_STORES: Final = frozenset(
    {"s3", "s3a", "s3n", "gs", "gcs", "az", "abfs", "abfss", "adl", "wasb", "wasbs", "oss", "cos", "r2", "b2"}
    | {"hdfs", "hf"}
)
"""Schemes of addresses that no browser asks for: who reads there, and from where, is a matter of accounts."""


class ForbiddenHost(Exception):
    """A name that leads into one's own network; nothing was connected to."""


def why_not(address: str) -> str:
    """Return why an address that `parse` takes for none is not asked for."""
    return "unsupported_scheme" if scheme_of(address) in OBJECT_STORES else "bad_url"


def scheme_of(address: str) -> str:
    """Return what stands before `://`, in small letters; empty where nothing does."""
    scheme, there, _ = address.strip().partition("://")
    return scheme.lower() if there else ""


def parse(address: str) -> URL | None:
    """Return what to ask for an address, None where it is none (`bad_url`); nothing is connected to.

    An address is http or https, has a host, a port of 1 to 65,535 or none, no login, no control character or half of
    a surrogate pair, and at most 8,192 characters. It is read as browsers read it (WHATWG URL): names are folded by
    IDNA, hosts that end in a number are IPv4 in any of its notations and written out, what may not stand in a path is
    escaped, and all else, escapes too, stays as it is told. The fragment is dropped.
    """
    told = address.strip()
    found = None if len(told) > LONGEST or _UNFIT.search(told) else _ADDRESS.fullmatch(told)
    place = found and _HOST_AND_PORT.fullmatch(found[2])
    host = place and _host(place[1])
    if not (found and place and host):
        return None
    scheme, port = found[1].lower(), int(place[2] or _DEFAULT_PORTS[found[1].lower()])
    if not 0 < port < 2**16:
        return None
    shown = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    query = f"?{_escaped(found[4], _QUERY)}" if found[4] else ""
    path = _escaped(found[3].replace("\\", "/"), _PATH) or "/"
    text = f"{scheme}://{host}{shown}{path}{query}"
    return URL(text, encoded=True) if len(text) <= LONGEST else None


def redirected(url: URL, location: str) -> URL | None:
    """Return where an answer of `url` leads, None where that is no address.

    Args:
        url: what was asked for.
        location: the header; bytes that are no UTF-8 stand in it as half surrogates, as `aiohttp` decodes them.
    """
    told = _UNDECODED.sub(lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", location.strip())
    try:
        return parse(told if _SCHEME.match(told) else urljoin(str(url), told))
    except ValueError:
        return None


def check_literal(url: URL, *, allow_private: bool = False) -> str | None:
    """Return `forbidden_host` for an address whose host is a number that is not public, or `localhost`; else None.

    Connectors ask no resolver for these, and behind a proxy there is none to ask.
    """
    return FORBIDDEN_HOST if not allow_private and _leads_home(url.raw_host or "") else None


@lru_cache(maxsize=4096)
def _leads_home(told: str) -> bool:
    host = _host(told) or ""
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_public(ipaddress.ip_address(host.strip("[]")))
    except ValueError:  # a name
        return False


def is_public(address: IPAddress) -> bool:
    """Tell whether an address is one of the public network, for all that it stands for.

    IPv6 that carries an IPv4 address (mapped, compatible, translated, 6to4, NAT64, ISATAP) is as public as that is.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    carried = _carried(address)
    if carried is not None and not is_public(carried):
        return False
    if address not in _UNICAST_6:
        return carried is not None
    return not any(address in network for network in _NOT_PUBLIC_6)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address within; None where there is none.

    Sources: RFC 4291 (compatible, mapped), 2765 (translated), 3056 (6to4), 6052 (NAT64), 5214 (ISATAP).
    """
    number = int(address)
    high, low = number >> 32, IPv4Address(number & 0xFFFFFFFF)
    if high in (0, 0xFFFF, 0xFFFF0000, 0x64FF9B << 64):
        return low
    if number >> 112 == 0x2002:
        return IPv4Address(number >> 80 & 0xFFFFFFFF)
    return low if high & 0xFFFFFFFF in _ISATAP else None


@lru_cache(maxsize=4096)
def _host(told: str) -> str | None:
    """Return a host as it is asked for: a name in ASCII, dotted IPv4, IPv6 in brackets; None where it is none."""
    if ":" in told:
        try:
            return f"[{IPv6Address(told.strip('[]'))}]" if "%" not in told else None
        except ValueError:
            return None
    name = told.lower()
    if not told.isascii():
        try:
            name = (URL.build(scheme="http", host=told).raw_host or "").lower()
        except ValueError:
            return None
    if not _NAME.fullmatch(name):
        return None
    bare = name.removesuffix(".")
    if not _NUMBER.fullmatch(bare.rpartition(".")[2]):
        return name
    address = _ipv4(bare.split("."))
    return None if address is None else str(address)


def _ipv4(parts: list[str]) -> IPv4Address | None:
    """Read one to four numbers, decimal, octal or hexadecimal, as `inet_aton` and browsers do: the last fills up."""
    try:
        *firsts, last = (_number(part) for part in parts)
        if len(firsts) > 3 or any(first > 255 for first in firsts) or last >= 256 ** (4 - len(firsts)):
            return None
        return IPv4Address(sum(first << 24 - 8 * place for place, first in enumerate(firsts)) + last)
    except ValueError:
        return None


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") and len(text) > 1 else 10)


def _escaped(text: str, safe: str) -> str:
    return quote(_NO_ESCAPE.sub("%25", text), safe=safe)
