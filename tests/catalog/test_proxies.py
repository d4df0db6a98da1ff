import logging
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.images.addresses import parse
from featurizer.catalog.images.proxies import Proxies
from featurizer.catalog.retry import RetryPolicy
from featurizer.errors import InputError
from featurizer.records import ImageRef
from tests.servers import answer, redirect, refuse, serve
from tests.servers.faults import context
from tests.servers.pictures import numbered


@pytest.fixture
def environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "request_method"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_without_a_proxy_in_the_environment_there_is_none(environment):
    assert Proxies.of_environment().of(parse("http://example.org/")) is None


def test_a_proxy_is_asked_for_its_scheme_but_for_the_hosts_left_out(environment):
    environment.setenv("HTTP_PROXY", "http://me:se%20cret@proxy.lan:3128")
    environment.setenv("NO_PROXY", "intern.example,.corp")
    proxies = Proxies.of_environment()
    proxy = proxies.of(parse("http://example.org/a.jpg"))
    assert str(proxy.url) == "http://proxy.lan:3128"
    assert proxy.headers == {"Authorization": "Basic bWU6c2UgY3JldA=="}
    for address in ("https://example.org/", "http://intern.example/", "http://a.corp/"):
        assert proxies.of(parse(address)) is None
    assert "http://proxy.lan:3128" in proxy.notice
    assert "cret" not in proxy.notice


@pytest.mark.parametrize("told", ["socks5://127.0.0.1:1080", "http://", "http://h:99999"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_says_what_to_do(environment, told):
    environment.setenv("https_proxy", told)
    with pytest.raises(InputError, match=r"HTTPS_PROXY names no proxy .* expected http://HOST:PORT"):
        Proxies.of_environment()


@pytest.fixture
def proxy(environment):
    """A proxy on this machine, asked for all that is http and https."""
    with serve() as site:
        for name in ("http_proxy", "https_proxy"):
            environment.setenv(name, site.base.replace("//", "//me:secret@"))
        yield site


def fetch(*addresses, **options):
    with ImageFetcher(FetchOptions(retry=RetryPolicy(attempts=1), **options)) as fetcher:
        return fetcher.fetch([ImageRef(url=address) for address in addresses])


def test_a_picture_comes_through_the_proxy_and_that_it_resolves_names_is_said_once(proxy, caplog):
    addresses = [f"http://shop.example/{number}.jpg" for number in range(5)]
    for number, address in enumerate(addresses):
        proxy.routes[address] = answer(numbered(number))
    with caplog.at_level(logging.WARNING):
        assert [image.data for image in fetch(*addresses)] == list(map(numbered, range(5)))
    assert [message for message in caplog.messages if "resolves the names of hosts" in message] == [
        Proxies.of_environment().of(parse(addresses[0])).notice
    ]
    asked = [headers for address in addresses for headers in proxy.headers[address]]
    assert {headers["Proxy-Authorization"] for headers in asked} == {"Basic bWU6c2VjcmV0"}
    assert "secret" not in caplog.text


def test_behind_a_proxy_numbers_of_ones_own_network_are_refused_and_so_are_redirects_to_them(proxy):
    hosts = [
        "127.0.0.1",
        "169.254.169.254",
        "0x7f.1",
        "[::1]",
        "[64:ff9b::10.0.0.1]",
        "localhost",
        "a.localhost",
    ]
    for number, host in enumerate(hosts):
        proxy.routes[f"http://shop.example/{number}"] = redirect(f"http://{host}/a.jpg")
    direct = fetch(*(f"http://{host}/a.jpg" for host in hosts))
    redirected = fetch(*(f"http://shop.example/{number}" for number in range(len(hosts))))
    assert {image.status for image in [*direct, *redirected]} == {"forbidden_host"}
    assert not [address for address in proxy.hits if "shop.example" not in address]


def test_a_proxy_that_refuses_or_is_not_there_is_the_reason(proxy, environment):
    assert [image.status for image in fetch("https://shop.example/a.jpg")] == ["proxy"]  # it knows no CONNECT
    with serve() as gone:
        pass
    environment.setenv("http_proxy", gone.base)
    assert [image.status for image in fetch("http://shop.example/a.jpg")] == ["proxy"]


def test_a_host_that_no_proxy_is_for_is_reached_directly_and_checked(proxy, environment):
    environment.setenv("no_proxy", "127.0.0.1")
    with serve() as site:
        address = site.at("/a.jpg", answer(numbered(1)))
        assert [image.status for image in fetch(address)] == ["forbidden_host"]
        assert [image.status for image in fetch(address, allow_private_hosts=True)] == ["ok"]
    assert not proxy.hits


@pytest.mark.timeout(60)
@pytest.mark.parametrize("mute", [True, False])
def test_a_proxy_that_never_says_anything_is_one_error_that_says_what_to_do(environment, mute):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        if not mute:
            listener.close()
        environment.setenv("http_proxy", f"http://127.0.0.1:{port}")
        options = FetchOptions(
            connect_timeout=0.2,
            read_timeout=0.2,
            give_up_seconds=0.1,
            retry=RetryPolicy(wait_initial=0.05, wait_jitter=0),
        )
        addresses = [ImageRef(url=f"http://shop{number % 30}.example/{number}.jpg") for number in range(200)]
        with ImageFetcher(options) as fetcher:
            for _ in range(2):  # and ever after
                with pytest.raises(InputError, match=r"nothing came through the proxy .* Correct HTTP_PROXY"):
                    fetcher.fetch(addresses)


@pytest.mark.parametrize("hosts", [1, 30])
def test_a_proxy_that_said_anything_at_all_is_not_given_up(proxy, hosts):
    addresses = [f"http://shop{number % hosts}.example/{number}.jpg" for number in range(100)]
    for address in addresses[1:]:
        proxy.routes[address] = refuse()
    options = FetchOptions(give_up_seconds=0, per_host=1, concurrency=1, retry=RetryPolicy(attempts=1))
    with ImageFetcher(options) as fetcher:
        images = fetcher.fetch([ImageRef(url=address) for address in addresses])
    assert {image.status for image in images} == {"http_404", "connection", "host_down"} - (
        {"host_down"} if hosts == 30 else set()
    )


THROUGH = """
import sys
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.records import ImageRef

with ImageFetcher(FetchOptions(concurrency=1)) as fetcher:
    print(*(image.status for image in fetcher.fetch([ImageRef(url=address) for address in sys.argv[1:]])))
"""


@contextmanager
def tunnel(folder):
    """Run a proxy that is the host too at the other end of its tunnel; yield its port, what came, and for whom."""
    heads, names = [], []
    secure = context("shop", folder, host="shop.example")
    secure.sni_callback = lambda _, name, __: names.append(name)

    def head(connection):
        told = b""
        while not told.endswith(b"\r\n\r\n"):
            piece = connection.recv(1)
            if not piece:
                return False
            told += piece
        heads.append(told.decode())
        return True

    def run():
        plain, _ = listener.accept()
        head(plain)
        plain.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with secure.wrap_socket(plain, server_side=True) as inside:
            while head(inside):
                inside.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(numbered(1)) + numbered(1)
                )

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heads, names
        thread.join(10)


def test_through_a_tunnel_a_host_is_asked_by_its_name_and_told_no_login_of_the_proxy(environment, tmp_path):
    with tunnel(tmp_path) as (port, heads, names):
        done = subprocess.run(
            [sys.executable, "-c", THROUGH, "https://shop.example/a.jpg?b=1", "https://shop.example/c.jpg"],
            env={
                **os.environ,
                "SSL_CERT_FILE": str(tmp_path / "shop.crt"),
                "HTTPS_PROXY": f"http://me:secret@127.0.0.1:{port}",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.split() == ["ok", "ok"], done.stderr
    connect, *asked = heads
    assert connect.startswith("CONNECT shop.example:443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in connect
    assert [told.split("\r\n")[0] for told in asked] == ["GET /a.jpg?b=1 HTTP/1.1", "GET /c.jpg HTTP/1.1"]
    assert all("Host: shop.example\r\n" in told for told in asked)
    assert not any("authorization" in told.lower() for told in asked)
    assert names == ["shop.example"]
