"""The proxies that the environment names, and for which addresses they are asked."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from featurizer.errors import InputError


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where requests are handed on.

    Attributes:
        url: without login.
        headers: the login, as `proxy_headers` of a request; aiohttp makes a Proxy-Authorization of it.
    """

    url: URL
    headers: Mapping[str, str]

    @property
    def notice(self) -> str:
        """What is said once a run."""
        return (
            f"pictures are fetched through the proxy {self.url}, which resolves the names of hosts: that none leads "
            "into its own network is for the proxy to see to. Addresses that are numbers are checked here"
        )


@dataclass(frozen=True, slots=True)
class Proxies:
    """HTTP_PROXY, HTTPS_PROXY and NO_PROXY (in small letters too), as they stood when the run began.

    Requests through a proxy need a connector of their own, whose resolver is not checked: it resolves the proxy's name
    alone, and a proxy mostly has a private address.

    Attributes:
        by_scheme: `http` and `https`, where there is one for it.
    """

    by_scheme: Mapping[str, Proxy]

    @classmethod
    def of_environment(cls) -> Self:
        """Read the environment.

        Raises:
            InputError: a proxy is no http address.
        """
        named = getproxies()
        return cls(
            {scheme: _proxy(scheme, named[scheme]) for scheme in ("http", "https") if named.get(scheme)}
        )

    def of(self, url: URL) -> Proxy | None:
        """Return the proxy that an address is asked through, None for none."""
        proxy = self.by_scheme.get(url.scheme)
        return None if proxy is None or proxy_bypass(url.raw_host or "") else proxy


def _proxy(scheme: str, told: str) -> Proxy:
    try:
        url = URL(told if "://" in told else f"http://{told}")
        bare = url.with_user(None)
        if url.scheme in ("http", "https") and url.host and url.port:
            return Proxy(bare, _login(url))
    except ValueError:
        pass
    raise InputError(
        f"{scheme.upper()}_PROXY names no proxy that pictures can be fetched through; expected http://HOST:PORT. "
        "Correct it, or unset it"
    )


def _login(url: URL) -> dict[str, str]:
    """Return Basic authentication (RFC 7617) of an address's login."""
    if url.user is None:
        return {}
    login = f"{url.user}:{url.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}
