"""What is no picture's fault: a host or a network that is gone for a while, a host that wants to be asked seldom."""

import errno
import socket
import threading
import time
from dataclasses import replace

import aiohttp
import pytest

from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.images.network import Network, out_of_reach
from featurizer.catalog.retry import RetryPolicy
from featurizer.records import ImageRef
from tests.servers import answer, serve
from tests.servers.pictures import numbered

PICTURE = numbered(1)
OPTIONS = FetchOptions(
    allow_private_hosts=True,
    give_up_seconds=0.5,
    retry=RetryPolicy(attempts=3, wait_initial=0.05, wait_max=0.2, wait_jitter=0),
)


class Outage:
    """Begins after so many questions, and is over so many seconds later."""

    def __init__(self, after, seconds):
        self.after, self.seconds, self.lock = after, seconds, threading.Lock()
        self.asked = self.in_vain = 0
        self.began = None

    def is_on(self):
        with self.lock:
            self.asked += 1
            if self.asked <= self.after:
                return False
            self.began = self.began or time.monotonic()
            on = time.monotonic() < self.began + self.seconds
            self.in_vain += on
            return on


def test_a_host_that_is_gone_for_a_while_is_asked_now_and_then_and_loses_no_picture():
    outage = Outage(after=30, seconds=2)

    def behave(request):
        request.hang_up() if outage.is_on() else answer(PICTURE)(request)

    with serve() as site, ImageFetcher(OPTIONS) as fetcher:
        images = fetcher.fetch([ImageRef(url=site.at(f"/{n}.jpg", behave)) for n in range(150)])
    assert {image.status for image in images} == {"ok"}
    assert 0 < outage.in_vain < 150


def test_a_network_that_is_gone_for_a_while_costs_no_tries(monkeypatch):
    outage = Outage(after=20, seconds=2)
    connect = aiohttp.TCPConnector._wrap_create_connection

    async def connected(self, *args, **options):
        if outage.is_on():
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return await connect(self, *args, **options)

    monkeypatch.setattr(aiohttp.TCPConnector, "_wrap_create_connection", connected)
    behave = answer(PICTURE, Connection="close")
    with serve() as one, serve() as other, ImageFetcher(replace(OPTIONS, concurrency=8)) as fetcher:
        images = fetcher.fetch(
            [ImageRef(url=site.at(f"/{n}.jpg", behave)) for n in range(40) for site in (one, other)]
        )
    assert {image.status for image in images} == {"ok"}
    assert 0 < outage.in_vain < 40


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENETUNREACH, "no way"), True),
        (OSError(errno.EHOSTUNREACH, "no way"), True),
        (socket.gaierror(socket.EAI_AGAIN, "no name server"), True),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), False),
        (TimeoutError(), False),
    ],
)
def test_what_tells_of_the_network_is_told_from_what_tells_of_a_host(error, expected):
    around = aiohttp.ClientError()
    around.__cause__ = error
    assert out_of_reach(error) == out_of_reach(around) == expected


def test_it_is_the_network_if_several_hosts_that_answered_are_out_of_reach_and_nobody_answers():
    network = Network(60, RetryPolicy(wait_initial=1, wait_max=4), known=3)
    assert not network.failed(None, begun=0, now=0)
    assert not network.failed("a", begun=0, now=0)
    assert not network.failed("a", begun=0, now=0)
    network.answered(begun=0)
    assert not network.failed("b", begun=0, now=1)
    assert network.failed("c", begun=0, now=1)
    assert network.failed(None, begun=0.5, now=1)  # under way: no further pause
    assert network.paused_until == 2
    pauses = []
    for _ in range(4):
        now = network.paused_until
        assert network.failed("a", begun=now, now=now)
        pauses.append(network.paused_until - now)
    assert pauses == [2, 4, 4, 4]
    network.answered(begun=0)  # it was under way
    assert network.in_doubt
    network.answered(begun=network.paused_until)
    assert not network.in_doubt


def test_a_network_is_not_waited_for_longer_than_a_while():
    network = Network(60, RetryPolicy(), known=1)
    assert network.failed("a", begun=0, now=0)
    assert network.failed("a", begun=60, now=60)
    assert not network.failed("a", begun=61, now=61)
    assert not network.in_doubt


def test_a_host_that_wants_to_be_asked_seldom_is_and_loses_no_picture():
    lock, free_at = threading.Lock(), [0.0]

    def behave(request):
        with lock:
            now = time.monotonic()
            free = now >= free_at[0]
            if free:
                free_at[0] = now + 0.05
        (answer(PICTURE) if free else answer(b"", status=429))(request)

    with serve() as site, ImageFetcher(OPTIONS) as fetcher:
        images = fetcher.fetch([ImageRef(url=site.at(f"/{n}.jpg", behave)) for n in range(40)])
    assert {image.status for image in images} == {"ok"}
    assert sum(site.hits.values()) < 160


def test_what_waits_for_another_try_while_its_host_is_given_up_keeps_the_reason_that_it_had():
    hasty = replace(OPTIONS, give_up_after=1, give_up_seconds=0.05)
    with serve() as site, ImageFetcher(hasty) as fetcher:
        waiting = site.at("/busy.jpg", answer(b"", status=500, **{"Retry-After": "3"}))
        others = [site.at(f"/{n}.jpg", lambda request: request.hang_up()) for n in range(30)]
        images = fetcher.fetch([ImageRef(url=address) for address in (waiting, *others)])
        assert site.hits["/busy.jpg"] == 1
    assert images[0].status == "http_500"
    assert "host_down" in {image.status for image in images[1:]}


def test_a_host_that_only_ever_failed_at_tls_has_not_answered_and_gets_no_more_patience():
    def serve_badly():
        for turn in range(20):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if not turn:
                    connection.recv(2**16)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    hasty = FetchOptions(
        concurrency=1,
        allow_private_hosts=True,
        give_up_after=2,
        give_up_seconds=0,
        retry=RetryPolicy(attempts=1),
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_badly, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        with ImageFetcher(hasty) as fetcher:
            images = fetcher.fetch([ImageRef(url=f"https://127.0.0.1:{port}/{n}.jpg") for n in range(12)])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert [image.status for image in images] == ["tls", "connection", "connection", *["host_down"] * 9]
