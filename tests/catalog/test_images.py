import asyncio
import hashlib
import io
import os
import signal
import socket
import threading
import time
from dataclasses import replace
from email.utils import formatdate

import numpy as np
import pytest
from aiohttp.abc import AbstractResolver
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from featurizer import __version__
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.images.addresses import parse
from featurizer.catalog.images.fetcher import Ask
from featurizer.catalog.images.local import confined
from featurizer.catalog.retry import RetryPolicy, retry_after, worth_retrying
from featurizer.records import FetchedImage, ImageRef
from tests.servers import (
    answer,
    drop_after,
    endless,
    in_turn,
    redirect,
    refuse,
    serve,
    trickle,
    wait_then,
)

QUICK = FetchOptions(
    connect_timeout=1,
    read_timeout=0.3,
    total_timeout=0.6,
    allow_private_hosts=True,
    retry=RetryPolicy(attempts=3, wait_initial=0.01, wait_max=0.02, wait_jitter=0, retry_after_max=2),
)


def jpeg(seed=0, width=40, height=30):
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


PICTURE = jpeg()


@pytest.fixture(scope="module")
def site():
    with serve() as site:
        yield site


@pytest.fixture(scope="module")
def fetcher():
    with ImageFetcher(QUICK) as fetcher:
        yield fetcher


def fetch_one(fetcher, url):
    [image] = fetcher.fetch([ImageRef(url=url)])
    return image


def test_a_picture_arrives_byte_for_byte_with_its_hash_and_size(site, fetcher):
    image = fetch_one(fetcher, site.at("/plain.jpg?size=1", answer(PICTURE)).replace("?size=1", ""))
    assert image.status == "http_404"  # a query is no part of a route
    image = fetch_one(fetcher, site.at("/plain.jpg", answer(PICTURE)))
    sha256 = hashlib.sha256(PICTURE).hexdigest()
    assert image == FetchedImage("ok", PICTURE, sha256, 40, 30, attempts=1, path="plain.jpg")


def test_the_order_is_that_of_the_references_whatever_arrives_first(site, fetcher):
    pictures = [jpeg(seed) for seed in range(12)]
    refs = [
        ImageRef(url=site.at(f"/order/{n}", wait_then(0.1 if n % 3 == 0 else 0, answer(picture))))
        for n, picture in enumerate(pictures)
    ]
    assert [image.data for image in fetcher.fetch(refs)] == pictures


def test_an_address_that_occurs_twice_is_fetched_once(site, fetcher):
    url = site.at("/twice", answer(PICTURE))
    images = fetcher.fetch([ImageRef(url=url, name="a.jpg"), ImageRef(), ImageRef(url=url)])
    assert [image.status for image in images] == ["ok", "none", "ok"]
    assert [image.path for image in images] == ["a.jpg", None, "twice"]
    assert site.hits["/twice"] == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 451])
def test_a_refusal_that_stays_is_not_asked_again(site, fetcher, code):
    image = fetch_one(fetcher, site.at(f"/refuse/{code}", answer(b"no", status=code)))
    assert (image.status, image.attempts, image.data) == (f"http_{code}", 1, None)
    assert site.hits[f"/refuse/{code}"] == 1


def test_a_429_waits_as_long_as_the_server_asks_and_then_succeeds(site, fetcher):
    behavior = in_turn(answer(b"", status=429, Retry_After=1), answer(PICTURE))
    begun = time.monotonic()
    image = fetch_one(fetcher, site.at("/busy", behavior))
    assert (image.status, image.attempts) == ("ok", 2)
    assert 1.0 <= time.monotonic() - begun < 2.0


def test_a_429_that_never_ends_is_named_after_the_last_try(site, fetcher):
    image = fetch_one(fetcher, site.at("/busy/always", answer(b"", status=429)))
    assert (image.status, image.attempts, site.hits["/busy/always"]) == ("http_429", 3, 3)


def test_a_server_that_fails_twice_is_asked_a_third_time(site, fetcher):
    broken = answer(b"oops", status=500)
    image = fetch_one(fetcher, site.at("/flaky", in_turn(broken, broken, answer(PICTURE))))
    assert (image.status, image.attempts) == ("ok", 3)


def test_a_body_broken_off_is_fetched_again(site, fetcher):
    behavior = in_turn(drop_after(PICTURE, 200), answer(PICTURE))
    image = fetch_one(fetcher, site.at("/cut/once", behavior))
    assert (image.status, image.attempts, image.data) == ("ok", 2, PICTURE)


def test_a_body_shorter_than_promised_each_time_is_truncated(site, fetcher):
    image = fetch_one(fetcher, site.at("/cut/always", drop_after(PICTURE, 200)))
    assert (image.status, image.attempts, image.data, image.sha256) == ("truncated", 3, None, None)


def test_a_jpeg_cut_short_on_the_server_is_truncated_and_not_asked_again(site, fetcher):
    image = fetch_one(fetcher, site.at("/short", answer(PICTURE[:-300])))
    assert (image.status, image.attempts) == ("truncated", 1)
    assert image.sha256 == hashlib.sha256(PICTURE[:-300]).hexdigest()


def test_a_connection_closed_without_a_word_is_named_connection(site, fetcher):
    image = fetch_one(fetcher, site.at("/silent", refuse()))
    assert (image.status, image.attempts) == ("connection", 3)


def test_a_port_where_nobody_listens_is_named_connection(fetcher):
    with serve() as gone:
        base = gone.base
    assert fetch_one(fetcher, f"{base}/a.jpg").status == "connection"


def test_a_server_that_says_nothing_is_a_timeout(site, fetcher):
    image = fetch_one(fetcher, site.at("/asleep", wait_then(0.5, answer(PICTURE))))
    assert (image.status, image.attempts) == ("timeout", 3)


def test_a_server_that_trickles_is_a_timeout_although_bytes_keep_coming(site, fetcher):
    image = fetch_one(fetcher, site.at("/trickle", trickle(PICTURE, 0.05)))
    assert (image.status, image.attempts) == ("timeout", 3)


def test_a_page_served_as_a_picture_is_not_an_image(site, fetcher):
    page = b"<html><body>Sorry</body></html>"
    image = fetch_one(fetcher, site.at("/page.jpg", answer(page, Content_Type="image/jpeg")))
    assert (image.status, image.sha256) == ("not_an_image", hashlib.sha256(page).hexdigest())


def test_a_one_pixel_gif_is_a_placeholder(site, fetcher):
    buffer = io.BytesIO()
    Image.new("P", (1, 1)).save(buffer, "GIF")
    assert fetch_one(fetcher, site.at("/pixel.gif", answer(buffer.getvalue()))).status == "placeholder"


@pytest.mark.parametrize("code", [200, 204])
def test_a_success_without_a_body_is_empty(site, fetcher, code):
    assert fetch_one(fetcher, site.at(f"/empty/{code}", answer(b"", status=code))).status == "empty"


def test_redirects_are_followed_up_to_the_limit(site, fetcher):
    site.at("/hop/0", answer(PICTURE))
    for hop in range(1, 8):
        site.at(f"/hop/{hop}", redirect(f"/hop/{hop - 1}"))
    assert fetch_one(fetcher, f"{site.base}/hop/5").status == "ok"
    assert fetch_one(fetcher, f"{site.base}/hop/6").status == "too_many_redirects"


def test_a_redirect_loop_ends(site, fetcher):
    image = fetch_one(fetcher, site.at("/loop", redirect("/loop")))
    assert (image.status, image.attempts) == ("too_many_redirects", 1)


def test_a_redirect_to_a_file_of_this_machine_is_refused(site, fetcher, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(PICTURE)
    image = fetch_one(fetcher, site.at("/sly", redirect((tmp_path / "secret.jpg").as_uri())))
    assert (image.status, image.data) == ("bad_url", None)


def test_a_body_announced_as_huge_is_not_read(site, fetcher):
    url = site.at("/huge", answer(b"", Content_Length=QUICK.max_bytes + 1))
    assert fetch_one(fetcher, url).status == "too_large"


def test_an_endless_body_is_dropped_at_the_limit(site):
    with ImageFetcher(FetchOptions(allow_private_hosts=True, max_bytes=2**20)) as fetcher:
        image = fetch_one(fetcher, site.at("/endless", endless()))
    assert (image.status, image.attempts, image.data) == ("too_large", 1, None)


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/a.jpg", "//example.org/a.jpg", "a.jpg", "http://", "http://[::1"],
)
def test_an_address_that_is_none_is_a_bad_url_without_a_try(fetcher, url):
    image = fetch_one(fetcher, url)
    assert (image.status, image.attempts) == ("bad_url", 0)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_is_an_address_or_none(text):
    for address in (text, f"http://{text}", f"https://example.org/{text}"):
        parse(address)


def test_no_address_at_all_is_none(fetcher):
    refs = [ImageRef(), ImageRef(url=""), ImageRef(url="  ")]
    assert [image.status for image in fetcher.fetch(refs)] == ["none"] * 3
    assert fetcher.fetch([]) == []


def test_pictures_on_disk_are_read_by_path_and_by_file_address(fetcher, tmp_path):
    path = tmp_path / "a picture.jpg"
    path.write_bytes(PICTURE)
    told = confined(ImageRef(url=path.as_uri()), tmp_path)
    by_path, by_url = fetcher.fetch([ImageRef(path=path), told])
    assert by_path.data == by_url.data == PICTURE
    assert by_path.path == "a picture.jpg"


def test_what_is_on_disk_instead_of_a_picture_is_named(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "huge.jpg").write_bytes(bytes(2000))
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "mine.jpg").symlink_to(tmp_path / "mine.jpg")
    refs = [
        ImageRef(path=tmp_path / "absent.jpg"),
        ImageRef(path=tmp_path / "text.jpg" / "below.jpg"),
        ImageRef(path=tmp_path),
        ImageRef(path=tmp_path / "pipe.jpg"),
        ImageRef(path=tmp_path / "nul\0.jpg"),
        ImageRef(path=tmp_path / "mine.jpg"),
        ImageRef(path=tmp_path / "text.jpg"),
        ImageRef(path=tmp_path / "huge.jpg"),
        ImageRef(url="file://elsewhere/a.jpg"),
        ImageRef(url="file://[broken"),
    ]
    with ImageFetcher(FetchOptions(allow_private_hosts=True, max_bytes=1000)) as fetcher:
        images = fetcher.fetch(refs)
    assert [image.status for image in images] == [
        "missing_file",
        "missing_file",
        "unreadable_file",
        "unreadable_file",
        "unreadable_file",
        "unreadable_file",
        "not_an_image",
        "too_large",
        "bad_url",
        "bad_url",
    ]
    assert all(image.data is None and image.attempts == 0 for image in images)


def test_a_file_outside_its_folder_is_refused_and_never_read(tmp_path, fetcher):
    own = tmp_path / "own"
    own.mkdir()
    for name in ("own/a.jpg", "secret.jpg"):
        (tmp_path / name).write_bytes(PICTURE)
    (own / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    asked = [
        ImageRef(path=own / "a.jpg"),
        ImageRef(url=(own / "a.jpg").as_uri()),
        ImageRef(data=PICTURE, name="/etc/x.jpg"),
        ImageRef(path=tmp_path / "secret.jpg"),
        ImageRef(path=own / ".." / "secret.jpg"),
        ImageRef(path=own / "link.jpg"),
        ImageRef(path=own / "nul\0.jpg"),
        ImageRef(url=(tmp_path / "secret.jpg").as_uri()),
        ImageRef(url=f" FILE:{tmp_path}/own/%2e%2e/secret.jpg"),
    ]
    inside = [image.status for image in fetcher.fetch([confined(ref, own) for ref in asked])]
    assert inside == ["ok"] * 3 + ["forbidden_path"] * 6
    nowhere = [image.status for image in fetcher.fetch([confined(ref, None) for ref in asked])]
    assert nowhere == ["forbidden_path"] * 2 + ["ok"] + ["forbidden_path"] * 6


def test_bytes_that_the_source_carries_are_checked_and_kept_as_they_are(fetcher):
    good, bad = fetcher.fetch([ImageRef(data=PICTURE, name="x.jpg"), ImageRef(data=b"")])
    assert (good.status, good.data, good.path) == ("ok", PICTURE, "x.jpg")
    assert bad.status == "empty"


def test_never_more_requests_at_once_than_the_options_allow():
    with serve() as site:
        refs = [ImageRef(url=site.at(f"/{n}", wait_then(0.05, answer(PICTURE)))) for n in range(30)]
        with ImageFetcher(FetchOptions(allow_private_hosts=True, concurrency=5, per_host=9)) as fetcher:
            assert {image.status for image in fetcher.fetch(refs)} == {"ok"}
        assert site.most_open == 5


def test_one_host_gets_no_more_than_its_share_while_another_is_served():
    with serve() as slow, serve() as other:
        refs = [ImageRef(url=slow.at(f"/{n}", wait_then(0.05, answer(PICTURE)))) for n in range(12)]
        refs += [ImageRef(url=other.at(f"/{n}", wait_then(0.05, answer(PICTURE)))) for n in range(12)]
        with ImageFetcher(FetchOptions(allow_private_hosts=True, concurrency=8, per_host=3)) as fetcher:
            fetcher.fetch(refs)
        assert (slow.most_open, other.most_open) == (3, 3)


def test_a_wait_between_two_tries_holds_no_slot(site):
    policy = RetryPolicy(attempts=2, wait_initial=0.5)
    flaky = in_turn(answer(b"", status=500), answer(PICTURE))
    refs = [ImageRef(url=site.at("/waiting", flaky)), ImageRef(url=site.at("/behind", answer(PICTURE)))]
    seen = []
    with ImageFetcher(FetchOptions(allow_private_hosts=True, concurrency=1, retry=policy)) as fetcher:
        fetcher.fetch(refs, on_done=lambda image: seen.append(image.path))
    assert seen == ["behind", "waiting"]


def test_a_host_that_asks_to_be_left_alone_is_and_no_other_waits_for_it(site):
    policy = RetryPolicy(attempts=2, retry_after_max=1)
    busy = in_turn(answer(b"", status=503, Retry_After=1), answer(PICTURE))
    with serve() as other:
        refs = [ImageRef(url=site.at("/busy-first", busy)), ImageRef(url=site.at("/after", answer(PICTURE)))]
        refs += [ImageRef(url=other.at(f"/other-{n}", answer(PICTURE))) for n in range(3)]
        seen = []
        with ImageFetcher(FetchOptions(allow_private_hosts=True, concurrency=1, retry=policy)) as fetcher:
            fetcher.fetch(refs, on_done=lambda image: seen.append(image.path))
    assert seen == ["other-0", "other-1", "other-2", "after", "busy-first"]


def test_what_hangs_does_not_hold_up_the_others(site):
    refs = [ImageRef(url=site.at(f"/hangs-{n}", wait_then(3, answer(PICTURE)))) for n in range(3)]
    refs += [ImageRef(url=site.at(f"/quick-{n}", answer(PICTURE))) for n in range(5)]
    seen = []
    with ImageFetcher(FetchOptions(allow_private_hosts=True, concurrency=1, hang=0.2)) as fetcher:
        fetcher.fetch(refs, on_done=lambda image: seen.append(image.path))
    assert seen[:5] == [f"quick-{n}" for n in range(5)]


def test_done_is_called_once_a_reference(site, fetcher):
    url = site.at("/done", answer(PICTURE))
    seen = []
    fetcher.fetch([ImageRef(url=url), ImageRef(url=url), ImageRef()], on_done=seen.append)
    assert sorted(image.status for image in seen) == ["none", "ok", "ok"]


def test_connections_are_kept_from_one_chunk_to_the_next_and_the_agent_is_named():
    ports = set()
    with serve() as site, ImageFetcher(QUICK) as fetcher:

        def behave(request):
            ports.add(request.client_address[1])
            answer(PICTURE)(request)

        for _ in range(3):
            fetch_one(fetcher, site.at("/kept", behave))
        assert site.headers["/kept"][0]["User-Agent"] == f"featurizer/{__version__}"
    assert len(ports) == 1


def test_a_fetcher_works_where_an_event_loop_runs_already(site):
    async def notebook():
        with ImageFetcher(QUICK) as fetcher:
            return fetch_one(fetcher, site.at("/notebook", answer(PICTURE)))

    assert asyncio.run(notebook()).status == "ok"


def fetch_alone(url):
    with ImageFetcher(FetchOptions(allow_private_hosts=True, read_timeout=30)) as fetcher:
        return fetch_one(fetcher, url)


def test_ctrl_c_drops_what_is_in_flight_and_leaves_no_thread(site):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a shell ignores it
    url = site.at("/stuck", wait_then(4, answer(PICTURE)))
    main = threading.main_thread().ident
    interrupt = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    before, begun = set(threading.enumerate()), time.monotonic()
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        fetch_alone(url)
    assert time.monotonic() - begun < 2
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert all("process_request" in name for name in left)  # the server's own


def head_then(behave, status, **headers):
    """Say a status and promise 100 bytes, then do with these what is told."""

    def answered(request):
        request.head(status, Content_Length=100, **headers)
        request.wfile.write(b"gone")
        request.wfile.flush()
        behave(request)

    return answered


def drip(request):
    for _ in range(60):
        request.wfile.write(b".")
        request.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("behave", [refuse(), drip])
def test_of_a_refusal_the_status_counts_whatever_becomes_of_its_body(site, behave):
    name = "drip" if behave is drip else "broken"
    there = site.at(f"/there/{name}", answer(PICTURE))
    refs = [
        ImageRef(url=site.at(f"/gone/{name}", head_then(behave, 404))),
        ImageRef(url=site.at(f"/moved/{name}", head_then(behave, 301, Location=there))),
    ]
    with ImageFetcher(replace(QUICK, total_timeout=3)) as fetcher:
        images = fetcher.fetch(refs)
    assert [(image.status, image.attempts) for image in images] == [("http_404", 1), ("ok", 1)]


def test_a_body_slower_than_the_slowest_is_given_up(site):
    slow = replace(QUICK, slow_start=0.2, total_timeout=20, retry=RetryPolicy(attempts=1))
    with ImageFetcher(slow) as fetcher:
        image = fetch_one(
            fetcher, site.at("/slow", trickle(bytes(5000), 0.002))
        )  # 500 bytes a second at most
    assert image.status == "timeout"
    with ImageFetcher(replace(slow, slowest=1)) as fetcher:
        assert fetch_one(fetcher, site.at("/slow/but", trickle(bytes(1000), 0.002))).status == "not_an_image"


class Keeper:
    def __init__(self, tell):
        self.tell = tell

    def keep(self, arrived):
        for _, image in arrived:
            self.tell(image)

    def trouble(self, error):
        self.tell(error)


def asks(tell, *refs):
    keeper = Keeper(tell)
    return [Ask(ref, keeper, (place, 0)) for place, ref in enumerate(refs)]


def test_a_fetcher_that_is_stopped_reads_no_more_files(tmp_path):
    (tmp_path / "a.jpg").write_bytes(PICTURE)
    told, first, go_on = [], threading.Event(), threading.Event()

    def tell(image):
        told.append(image.status)
        first.set()
        go_on.wait(60)

    with ImageFetcher(FetchOptions(decode_threads=1)) as fetcher:
        fetcher.submit(asks(tell, *[ImageRef(path=tmp_path / "a.jpg")] * 50))
        first.wait()
        stopping = threading.Thread(target=fetcher.stop)
        stopping.start()
        fetcher._thread.join()
        go_on.set()
        stopping.join()
    assert told == ["ok"]


def test_a_fetcher_that_is_stopped_does_not_wait_for_a_name_that_nobody_answers_for(monkeypatch):
    asked, answering, too_late = threading.Event(), threading.Event(), []

    def mute(*_, **__):
        asked.set()
        if not answering.wait(20):
            too_late.append(True)
        raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")

    monkeypatch.setattr(socket, "getaddrinfo", mute)
    with ImageFetcher(QUICK) as fetcher:
        fetcher.submit(asks(print, ImageRef(url="http://mute.example/1.jpg")))
        assert asked.wait(20)
    answering.set()
    assert not too_late


@pytest.mark.timeout(60)
def test_what_goes_wrong_in_looking_at_a_picture_is_raised_where_it_is_waited_for(
    site, tmp_path, monkeypatch
):
    def no_memory(*_, **__):
        raise MemoryError

    (tmp_path / "a.jpg").write_bytes(PICTURE)
    monkeypatch.setattr("featurizer.catalog.images.fetcher.judge", no_memory)
    with ImageFetcher(QUICK) as fetcher:
        for ref in (ImageRef(url=site.at("/seen", answer(PICTURE))), ImageRef(path=tmp_path / "a.jpg")):
            with pytest.raises(MemoryError):
                fetcher.fetch([ref])


def test_a_body_that_belies_its_encoding_is_a_decode_error(site, fetcher):
    url = site.at("/gzip", answer(b"not gzip at all", Content_Encoding="gzip"))
    assert fetch_one(fetcher, url).status == "decode_error"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("7", 7),
        (" 0 ", 0),
        ("999999", 60),
        ("9" * 400, 60),
        (formatdate(1_000_030, usegmt=True), 30),
        (formatdate(999_000, usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_capped(value, expected):
    assert retry_after(value, now=1_000_000, at_most=60) == expected


def test_only_what_may_pass_is_worth_retrying():
    assert [code for code in range(400, 505) if worth_retrying(code)] == [408, 429, 500, 501, 502, 503, 504]


def test_what_goes_wrong_once_the_fetcher_is_open_is_not_lost(site, monkeypatch):
    class Broken(AbstractResolver):
        async def resolve(self, *_, **__):
            return []

        async def close(self):
            raise OSError("the name server is gone")

    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda told: seen.append(str(told.exc_value)))
    with ImageFetcher(QUICK, resolver=Broken()) as fetcher:
        assert fetch_one(fetcher, site.at("/good", answer(PICTURE))).status == "ok"
    assert seen == ["the name server is gone"]
