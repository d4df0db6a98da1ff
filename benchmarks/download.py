"""How fast pictures arrive from loopback, 64 at once, beside a bare httpx2 loop measured in the same run.

    python benchmarks/download.py [--items 2000] [--repeats 3]

The server is a process of its own and answers every request with the same small JPEG; on few cores it is
part of what is measured. `bare` keeps no reason, retries nothing and looks at no byte; `bare + decode`
decodes each picture in four threads, as the fetcher does.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from statistics import median

import httpx2
import numpy as np
from PIL import Image

from featurizer.catalog.decode import decode
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.records import ImageRef

CONCURRENCY = 64


def jpeg(side: int) -> bytes:
    y, x = np.mgrid[0:side, 0:side]
    pixels = np.stack([x % 256, y % 256, (x * y) % 256], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def run_server(body: bytes, port: Connection) -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(response)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def serving(body: bytes) -> Iterator[str]:
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=run_server, args=(body, sender), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        process.terminate()
        process.join()


async def gather(urls: list[str], look: Callable[[bytes], object] | None) -> None:
    limits = httpx2.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    loop, slots = asyncio.get_running_loop(), asyncio.Semaphore(CONCURRENCY)
    with ThreadPoolExecutor(4) as pool:
        async with httpx2.AsyncClient(limits=limits) as client:

            async def one(url: str) -> None:
                async with slots:
                    data = (await client.get(url)).content
                if look is not None:
                    await loop.run_in_executor(pool, look, data)

            await asyncio.gather(*map(one, urls))


def fetch(urls: list[str]) -> None:
    with ImageFetcher(FetchOptions(concurrency=CONCURRENCY, per_host=CONCURRENCY)) as fetcher:
        images = fetcher.fetch([ImageRef(url=url) for url in urls])
    failed = sum(image.status != "ok" for image in images)
    if failed:
        print(f"{failed} of {len(urls)} pictures failed")


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    print(f"{asked.items} pictures, {CONCURRENCY} at once, {os.cpu_count()} cores, median of {asked.repeats}")
    print(f"{'side':>5} {'bytes':>8} {'what':<16} {'items/s':>8} {'of bare':>8}")
    for side in (64, 300):
        body = jpeg(side)
        with serving(body) as base:
            urls = [f"{base}/{n}.jpg" for n in range(asked.items)]
            ways: dict[str, Callable[[], object]] = {
                "bare": lambda urls=urls: asyncio.run(gather(urls, None)),
                "bare + decode": lambda urls=urls: asyncio.run(gather(urls, decode)),
                "ImageFetcher": lambda urls=urls: fetch(urls),
            }
            times = {name: [seconds(way) for _ in range(asked.repeats)] for name, way in ways.items()}
        rates = {name: asked.items / median(found) for name, found in times.items()}
        for name, rate in rates.items():
            print(f"{side:>5} {len(body):>8} {name:<16} {rate:>8.0f} {rate / rates['bare']:>7.0%}")


if __name__ == "__main__":
    main()
