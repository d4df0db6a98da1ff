"""More hosts than files may be open: connections are given back, and none of it counts against a host."""

import asyncio
import subprocess
import sys
import threading
from contextlib import contextmanager

from tests.servers.faults import free_port
from tests.servers.pictures import numbered

HOSTS = [f"127.0.{number // 100 + 2}.{number % 100 + 1}" for number in range(400)]
FEW = """
import resource, sys

held = [open(__file__) for _ in range(int(sys.argv[1]))]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
from collections import Counter
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.records import ImageRef

with ImageFetcher(FetchOptions(allow_private_hosts=True)) as fetcher:
    images = fetcher.fetch([ImageRef(url=address) for address in sys.stdin.read().split()])
print(sorted(Counter((image.status, image.attempts) for image in images).items()))
"""


@contextmanager
def many_hosts():
    """Serve a picture on every host, over connections that stay open; yield the port."""
    picture = numbered(1)
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(picture) + picture

    async def serve(reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(0.02)
                writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run():
        server = await asyncio.start_server(serve, HOSTS, port, backlog=64)
        started.set()
        await ended.wait()
        server.close()

    port, started, loop, ended = (
        free_port(HOSTS),
        threading.Event(),
        asyncio.new_event_loop(),
        asyncio.Event(),
    )
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    started.wait()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def fetched(folder, *, rounds, held):
    """Fetch from all hosts with at most 256 open files, of which so many are held already."""
    script = folder / "few.py"
    script.write_text(FEW)
    with many_hosts() as port:
        addresses = [f"http://{host}:{port}/{turn}.jpg" for turn in range(rounds) for host in HOSTS]
        done = subprocess.run(
            [sys.executable, script, str(held)],
            input="\n".join(addresses), capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_of_more_hosts_than_files_may_be_open_every_picture_comes_at_the_first_try(tmp_path):
    assert fetched(tmp_path, rounds=2, held=0) == "[(('ok', 1), 800)]"


def test_where_others_hold_almost_all_files_fewer_are_asked_at_once(tmp_path):
    assert fetched(tmp_path, rounds=1, held=200) == "[(('ok', 1), 400)]"
