import gc
import hashlib
import os
import socket
import subprocess
import sys
from collections import Counter
from types import FrameType, TracebackType

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.images.reasons import explain
from featurizer.catalog.retry import RetryPolicy
from featurizer.records import ImageRef
from tests.catalog.test_addresses import FORBIDDEN
from tests.servers import pictures
from tests.servers.faults import faults
from tests.servers.kinds import KINDS, REDIRECTS, WHOLE

TRIES = 3
HASTY = FetchOptions(
    connect_timeout=2,
    read_timeout=1.5,
    total_timeout=4,
    max_bytes=2**20,
    allow_private_hosts=True,
    give_up_after=1000,
    retry=RetryPolicy(TRIES, wait_initial=0.05, wait_max=0.2, wait_jitter=0, retry_after_max=1),
)
HOSTS = 20
IN_VAIN = {"jpeg_cut_at_home", "png_cut_at_home", "packed_and_cut", "retry_in_a_million_years"}
"""To ask again would bring the same: cut before they were sent, and a server that says so."""


@pytest.fixture(scope="module")
def site():
    with faults(HOSTS) as site:
        yield site


@pytest.fixture(scope="module")
def fetched(site):
    """One picture of each kind, on a host that few share: what came, and what the server was asked."""
    refs = [ImageRef(url=site.address(kind, 7, host)) for host, kind in enumerate(KINDS)]
    with ImageFetcher(HASTY) as fetcher:
        images = fetcher.fetch(refs)
    return dict(zip(KINDS, images, strict=True)), site.counts()


def test_there_are_as_many_kinds_of_fault_as_the_real_web_has():
    assert sum(kind.reason != "ok" for kind in KINDS.values()) >= 84


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_server_does_is_the_reason_that_the_row_says(fetched, kind):
    images, _ = fetched
    assert images[kind].status == KINDS[kind].reason
    assert (images[kind].data is None) == (KINDS[kind].reason != "ok")


@pytest.mark.parametrize(
    "kind", [kind for kind in WHOLE if not kind.startswith(("png", "cmyk", "gif", "webp"))]
)
def test_a_picture_arrives_byte_for_byte_however_it_is_sent(fetched, kind):
    images, _ = fetched
    whole = images[kind].data
    assert whole.startswith(pictures.numbered(7))
    assert images[kind].sha256 == hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize(
    "kind", [kind for kind, told in KINDS.items() if told.behavior and told.reason != "ok"]
)
def test_only_what_may_go_better_is_tried_again(fetched, kind):
    images, counts = fetched
    again = explain(KINDS[kind].reason).retried and kind not in IN_VAIN
    assert images[kind].attempts == (TRIES if again else 1)
    if kind not in REDIRECTS and KINDS[kind].reason != "tls":
        # a request that a kept connection was closed for is sent a second time within one try
        most = 2 if KINDS[kind].reason == "connection" else 1
        tries = images[kind].attempts
        assert tries <= counts.hits[f"/{kind}/7.jpg"] <= most * tries


@pytest.mark.parametrize("kind", ["nobody_listens", "self_signed", "once_cut", "once_no_http", "silent"])
def test_a_try_that_fails_leaves_nothing_behind_that_only_a_collection_finds(site, kind):
    with ImageFetcher(HASTY) as fetcher:
        fetcher.fetch([ImageRef(url=site.address("plain", 1))])
        gc.collect()
        gc.disable()
        try:
            fetcher.fetch([ImageRef(url=site.address(kind, 1000 + number)) for number in range(3)])
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = [*gc.garbage]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not [one for one in left if isinstance(one, FrameType | TracebackType | bytearray)]


def test_what_is_no_address_is_not_asked_for(fetched):
    images, counts = fetched
    for kind, told in KINDS.items():
        if told.reason == "bad_url" and told.behavior is None:
            assert images[kind].attempts == 0
            assert not [path for path in counts.hits if path.startswith(f"/{kind}/")]


def test_a_host_that_takes_no_connection_is_a_timeout_and_one_that_refuses_is_none(site):
    hasty = FetchOptions(connect_timeout=0.3, allow_private_hosts=True, retry=RetryPolicy(attempts=1))
    with ImageFetcher(hasty) as fetcher:
        full, dead = fetcher.fetch([ImageRef(url=site.full_address()), ImageRef(url=site.dead_address())])
    assert (full.status, dead.status) == ("timeout", "connection")


def test_by_default_nothing_of_this_machine_is_connected_to(site):
    before = site.counts().connections.total()
    with ImageFetcher() as fetcher:
        images = fetcher.fetch([ImageRef(url=site.address(kind, 8, host)) for host, kind in enumerate(KINDS)])
    assert {image.status for image in images} == {"forbidden_host", "bad_url"}
    assert site.counts().connections.total() == before + 1  # the one that asks for the counts


TRUSTING = """
import sys
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.records import ImageRef

with ImageFetcher(FetchOptions(allow_private_hosts=True)) as fetcher:
    images = fetcher.fetch([ImageRef(url=address) for address in sys.argv[1:]])
print(*(image.status for image in images))
"""


def test_a_certificate_of_a_trusted_authority_is_good_unless_it_is_too_old_or_anothers(site):
    addresses = [site.address(kind, 9) for kind in ("self_signed", "expired", "other_name")]
    done = subprocess.run(
        [sys.executable, "-c", TRUSTING, *addresses],
        env={**os.environ, "SSL_CERT_FILE": site.certificates},  # read when the client is imported
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["ok", "tls", "tls"], done.stderr


PUBLIC = "93.184.215.14"


class Names(AbstractResolver):
    """Knows the shop's address, and of the sly host another one each time."""

    def __init__(self):
        self.asked = Counter()

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked[host] += 1
        found = "127.0.0.1" if host == "home.example" or self.asked[host] > 1 else PUBLIC
        return [{"hostname": host, "host": found, "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self):
        pass


@pytest.fixture
def outside(site, monkeypatch):
    """Stand the server in for a public address; every address that is to be connected to is noted."""
    reached = []
    connect = aiohttp.TCPConnector._wrap_create_connection

    async def noted(self, *args, addr_infos, **options):
        reached.extend(info[4][0] for info in addr_infos)
        here = (site.hosts[0], site.ports["port"])
        assert {info[4][0] for info in addr_infos} == {PUBLIC}
        there = [(socket.AF_INET, kind, proto, name, here) for _, kind, proto, name, _ in addr_infos]
        return await connect(self, *args, addr_infos=there, **options)

    monkeypatch.setattr(aiohttp.TCPConnector, "_wrap_create_connection", noted)
    return reached


def test_no_redirect_leads_into_ones_own_network(site, outside):
    [allowed, *refused] = [
        ImageRef(url=f"http://shop.example/redirect_to/{number}?{location}")
        for number, location in enumerate(
            ["http://shop.example/plain/7.jpg", "http://home.example/", *FORBIDDEN]
        )
    ]
    with ImageFetcher(resolver=Names()) as fetcher:
        images = fetcher.fetch([allowed, *refused])
    assert [image.status for image in images[:2]] == ["ok", "forbidden_host"]
    assert {image.status for image in images[2:]} == {"forbidden_host", "bad_url"}
    assert set(outside) == {PUBLIC}
    assert not [path for path in site.counts().hits if path == "/"]


def test_a_host_that_is_public_once_and_then_leads_home_is_asked_for_once(outside):
    names = Names()
    refs = [
        ImageRef(url=f"http://sly.example{port}/plain/{port[1:]}.jpg") for port in ("", ":81", ":82", ":83")
    ]
    with ImageFetcher(resolver=names) as fetcher:
        assert {image.status for image in fetcher.fetch(refs)} == {"ok"}
    assert names.asked == {"sly.example": 1}
    assert set(outside) == {PUBLIC}
