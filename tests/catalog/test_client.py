"""What goes over a connection that is kept: one answer to each question, and nothing that nobody asked for."""

import asyncio
import time
from dataclasses import replace

import pytest
from aiohttp.connector import BaseConnector
from yarl import URL

from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.images.client import Client
from featurizer.catalog.images.connector import READ_AHEAD, ListeningHandler, SparingConnector
from featurizer.catalog.images.patience import Patience
from featurizer.catalog.images.resolver import SystemResolver
from featurizer.catalog.retry import RetryPolicy
from featurizer.errors import InputError
from featurizer.records import Condition, ImageRef
from tests.servers import answer, refuse, serve
from tests.servers.pictures import numbered

ONCE = FetchOptions(allow_private_hosts=True, retry=RetryPolicy(attempts=1))


@pytest.fixture
def site():
    with serve() as site:
        yield site


@pytest.fixture
def fetch():
    with ImageFetcher(ONCE) as fetcher:
        yield lambda url, **told: fetcher.fetch([ImageRef(url=url, **told)])[0]


def test_no_more_is_read_at_once_than_is_read_ahead(site, fetch, monkeypatch):
    sizes, take = [], ListeningHandler.data_received

    def noted(self, data):
        sizes.append(len(data))
        take(self, data)

    monkeypatch.setattr(ListeningHandler, "data_received", noted)
    body = numbered(1) + bytes(2**22)
    assert fetch(site.at("/1.jpg", answer(body))).data == body
    assert max(sizes) <= READ_AHEAD < sum(sizes)


def test_another_aiohttp_that_makes_its_connections_otherwise_is_refused(monkeypatch):
    prepare = BaseConnector.__init__

    def renamed(self, **options):
        prepare(self, **options)
        del self._factory

    async def make():
        return SparingConnector(ONCE, SystemResolver())

    monkeypatch.setattr(BaseConnector, "__init__", renamed)
    with pytest.raises(RuntimeError, match=r"another way than 3\.14.* Install 'aiohttp>=3\.14,<3\.15'"):
        asyncio.run(make())


@pytest.mark.parametrize(
    "late", [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", b"HTTP/1.1 200 OK\r\nCont"]
)
def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_picture(late):
    async def serve_twice(reader, writer):
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            body = numbered(int(asked.split(b" ")[1][1:-4]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            await released.wait()
            writer.write(late)
            await writer.drain()
            sent.set()
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsame!")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def play():
        nonlocal released, sent
        released, sent = asyncio.Event(), asyncio.Event()
        server = await asyncio.start_server(serve_twice, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, SparingConnector(ONCE, SystemResolver()) as connector:
            bodies = []
            for number in range(2):
                with await ask(connector, f"http://127.0.0.1:{port}/{number}.jpg") as told:
                    bodies.append(await told.content.read())
                if not number:
                    released.set()
                    await sent.wait()
                    await asyncio.sleep(0.05)
            await connector.close()
            await asyncio.sleep(0.05)
        return bodies

    released = sent = None
    assert asyncio.run(play()) == [numbered(0), numbered(1)]


async def ask(connector, address):
    return await Client(connector, ONCE).get(URL(address), Patience(9).limit(9), {})


@pytest.mark.parametrize(
    "condition",
    [
        Condition('"a"\r\nX-Injected: 1'),
        Condition(None, "Mon\nX-Injected: 1"),
        Condition("\0"),
        Condition("\ud800"),
    ],
)
def test_what_no_header_can_hold_is_not_sent(site, fetch, condition):
    address = site.at("/a.jpg", answer(numbered(1)))
    assert fetch(address, condition=condition).status == "error_ValueError"
    assert not site.hits
    assert fetch(address, condition=Condition('"a"')).status == "ok"
    assert site.headers["/a.jpg"][0]["If-None-Match"] == '"a"'


@pytest.mark.parametrize("name", ["a\r\nX-Injected: 1", "", "Größe"])
def test_who_asks_is_refused_where_no_header_can_hold_it(name):
    with pytest.raises(InputError, match=r"user_agent is .* expected printable ASCII"):
        FetchOptions(user_agent=name)


def test_a_request_that_a_kept_connection_was_closed_for_is_sent_again_within_one_try(site, fetch):
    asked = []

    def once(request):
        asked.append(request.client_address[1])
        if asked.count(request.client_address[1]) > 1:
            request.hang_up()
        else:
            answer(numbered(len(asked)))(request)

    addresses = [site.at(f"/{number}.jpg", once) for number in range(2)]
    assert [(image.status, image.attempts) for image in map(fetch, addresses)] == [("ok", 1), ("ok", 1)]
    first, second, third = asked
    assert first == second != third


def test_a_server_that_drops_everything_is_asked_as_often_as_there_are_tries(site):
    tries = RetryPolicy(attempts=4, wait_initial=0.01, wait_jitter=0)
    with ImageFetcher(FetchOptions(allow_private_hosts=True, retry=tries)) as fetcher:
        [image] = fetcher.fetch([ImageRef(url=site.at("/a.jpg", refuse()))])
    assert (image.status, image.attempts, site.hits["/a.jpg"]) == ("connection", 4, 4)


def test_connections_in_use_stay_when_the_idle_ones_are_closed(site):
    async def play():
        async with SparingConnector(ONCE, SystemResolver()) as connector:
            for _ in range(2):  # it was idle in between
                with await ask(connector, address) as told:
                    closed = connector.close_idle()
                    body = await told.content.read()
                assert closed == 0
                assert body == numbered(1)
            return connector.close_idle()

    address = site.at("/a.jpg", answer(numbered(1)))
    assert asyncio.run(play()) == 1


ROOM = 2**20


def held(request):
    """Send almost all of a large body, and its last bytes over two seconds."""
    request.head(200, Content_Length=ROOM)
    request.wfile.write(bytes(ROOM - 10))
    for _ in range(10):
        request.wfile.flush()
        time.sleep(0.2)
        request.wfile.write(b"0")


def paused(first, seconds, then):
    """Send the beginning of a body, the rest later, and do not say how much it is."""

    def behave(request):
        time.sleep(0.3)  # the other one is there first
        request.head(200, Transfer_Encoding="chunked")
        for piece in (first, then):
            request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            request.wfile.flush()
            time.sleep(seconds if piece is first else 0)
        request.wfile.write(b"0\r\n\r\n")

    return behave


@pytest.mark.parametrize(
    ("room", "patience"),
    [
        (ROOM - 2**14, {"read_timeout": 1.5}),  # it waits before its first byte is read
        (ROOM + 2**16, {"read_timeout": 1.5}),  # it waits for more
        (ROOM + 2**16, {"slow_start": 0.5, "slowest": 180_000}),
    ],
)
def test_the_time_that_a_body_waits_for_room_is_not_its_servers(site, room, patience):
    options = replace(ONCE, concurrency=4, max_held=4 * room, **patience)
    picture = numbered(1) + bytes(2**18)
    waiting = site.at("/waits.jpg", paused(picture[:-1], 2.2, picture[-1:]))
    with ImageFetcher(options) as fetcher:
        large, waits = fetcher.fetch([ImageRef(url=site.at("/large.jpg", held)), ImageRef(url=waiting)])
    assert (large.status, waits.status) == ("not_an_image", "ok")
