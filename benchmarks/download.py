"""How fast pictures become a catalog, beside bare loops and img2dataset on the same loopback server.

    python benchmarks/download.py [--items 5000] [--repeats 3] [--img2dataset PYTHON]

The server is a process of its own and answers with JPEGs of 10 to 60 kB; on few cores it is part of what is measured.
`aiohttp` and `httpx2` are bare loops that keep nothing, retry nothing and look at no byte. `ingest` is the whole of
ours, its Parquet written. `PYTHON` is the interpreter of an environment that has img2dataset 1.47; it is asked for its
quickest (no resizing, no encoding, Parquet), with one process and with as many as cores. Ways are interleaved; a
machine that others use gives ratios within one run, not rates. Start-up is apart: of ours the imports, of img2dataset
what a run of one picture takes. CPU seconds are those of the way's own processes, without the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import aiohttp
import httpx2
import numpy as np
from PIL import Image

from featurizer.catalog.column_names import ColumnNames
from featurizer.catalog.images import FetchOptions, ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.table import TableSource

SIDES = range(150, 640, 10)
IMG2DATASET = """
import sys
from img2dataset import download
if __name__ == "__main__":
    table, out, processes, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    download(
        url_list=table, input_format="csv", url_col="image", output_folder=out, output_format="parquet",
        processes_count=processes, thread_count=threads, resize_mode="no", skip_reencode=True,
        number_sample_per_shard=1000, enable_wandb=False, compute_hash=None, extract_exif=False,
    )
"""


def pictures() -> list[bytes]:
    """Return photographs of a kind: large soft shapes and grain, 10 to 60 kB."""
    draw, found = np.random.default_rng(0), []
    for side in SIDES:
        coarse = Image.fromarray(draw.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        soft = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=float)
        grain = draw.normal(0, 6, (side, side, 3))
        buffer = io.BytesIO()
        Image.fromarray((soft + grain).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
        found.append(buffer.getvalue())
    return [body for body in found if 10_000 <= len(body) <= 60_000]


def run_server(bodies: list[bytes], port: Connection) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    responses = [head % len(body) + body for body in bodies]

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport, self._asked = transport, b""

        def data_received(self, data: bytes) -> None:
            *whole, self._asked = (self._asked + data).split(b"\r\n\r\n")
            for asked in whole:
                number = int(asked[5 : asked.index(b".")])
                self._transport.write(responses[number % len(responses)])

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=512)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def serving(bodies: list[bytes]) -> Iterator[str]:
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=run_server, args=(bodies, sender), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        process.terminate()
        process.join()


async def bare_aiohttp(urls: list[str], connections: int) -> None:
    waiting = iter(urls)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:

        async def work() -> None:
            for url in waiting:
                async with session.get(url) as response:
                    await response.read()

        await asyncio.gather(*(work() for _ in range(connections)))


async def bare_httpx2(urls: list[str], connections: int) -> None:
    waiting = iter(urls)
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx2.AsyncClient(limits=limits) as client:

        async def work() -> None:
            for url in waiting:
                (await client.get(url)).content  # noqa: B018 - read it

        await asyncio.gather(*(work() for _ in range(connections)))


def ours(table: Path, connections: int) -> None:
    options = FetchOptions(concurrency=connections, per_host=connections, allow_private_hosts=True)
    with tempfile.TemporaryDirectory() as folder, ImageFetcher(options) as fetcher:
        made = ingest(TableSource(table, ColumnNames()), Path(folder) / "c", fetcher=fetcher)
    if made.manifest.image_status != {"ok": made.rows}:
        print(f"pictures failed: {made.manifest.image_status}")


def img2dataset(python: str, table: Path, processes: int, threads: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "run.py"
        script.write_text(IMG2DATASET)
        asked = [python, script, table, Path(folder) / "out", str(processes), str(threads)]
        subprocess.run(asked, check=True, capture_output=True)


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds."""
    before, begun = cpu_seconds(), time.perf_counter()
    work()
    return time.perf_counter() - begun, cpu_seconds() - before


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def table_of(folder: Path, urls: list[str]) -> Path:
    table = folder / f"{len(urls)}.csv"
    table.write_text("id,image\n" + "".join(f"i{n},{url}\n" for n, url in enumerate(urls)))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--img2dataset", metavar="PYTHON", help="an interpreter that has img2dataset")
    asked = parser.parse_args()
    bodies, cores = pictures(), os.cpu_count() or 1
    print(
        f"{asked.items} JPEGs of {min(map(len, bodies)):,} to {max(map(len, bodies)):,} bytes, {cores} cores"
    )
    with serving(bodies) as base, tempfile.TemporaryDirectory() as scratch:
        urls = [f"{base}/{n}.jpg" for n in range(asked.items)]
        table, single = (table_of(Path(scratch), some) for some in (urls, urls[:1]))
        for connections in asked.connections:
            ways: dict[str, Callable[[], object]] = {
                "aiohttp": lambda n=connections: asyncio.run(bare_aiohttp(urls, n)),
                "httpx2": lambda n=connections: asyncio.run(bare_httpx2(urls, n)),
                "ingest": lambda n=connections: ours(table, n),
            }
            for processes in {1, cores} if asked.img2dataset else ():
                for name, some in (("img2dataset", table), ("its start", single)):
                    ways[f"{name} x{processes}"] = lambda some=some, p=processes, n=connections: img2dataset(
                        asked.img2dataset, some, p, n // p
                    )
            report(connections, ways, asked.items, asked.repeats)


def report(connections: int, ways: dict[str, Callable[[], object]], items: int, repeats: int) -> None:
    times: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(repeats):
        for name, way in ways.items():
            times[name].append(measured(way))
    middle = {name: [median(column) for column in zip(*found, strict=True)] for name, found in times.items()}
    for name in [name for name in middle if name.startswith("img2dataset")]:
        start = middle.pop(name.replace("img2dataset", "its start"))
        middle[name] = [max(whole - one, 1e-3) for whole, one in zip(middle[name], start, strict=True)]
    print(f"\n{connections} connections, median of {repeats}")
    print(
        f"{'way':<16} {'pictures/s':>10} {'of aiohttp':>10} {'wall s':>8} {'CPU s':>8} {'CPU a picture':>14}"
    )
    for name, (wall, cpu) in middle.items():
        share = middle["aiohttp"][0] / wall
        print(
            f"{name:<16} {items / wall:>10,.0f} {share:>10.2f} {wall:>8.2f} {cpu:>8.2f} "
            f"{1000 * cpu / items:>11.3f} ms"
        )


if __name__ == "__main__":
    main()
