"""How much memory commands take, and how long, as the items grow: a catalog of N items, vectors of 384 numbers.

    python benchmarks/memory.py [--items 10000,100000] [--pictures 0] [--only extract,diff] [--keep DIR]

Every command runs as a user runs it, in a process of its own: `ingest` of a CSV that is drawn by a seed, `extract` with
its card, `inspect` and its neighbors, `verify` with its catalog, `diff` of two sets, `export`, `publish --dry-run`. The
encoder costs next to nothing: a text is the sum of its words' random vectors, a picture its pixels at 16 x 8. Memory is
the most that was resident at once, of the command alone; what a process needs before it has seen an item is in it.
Seconds are the processor's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIMIT_MIB = 1536
GROWTH = 1.2
"""What flat means: at most so many MiB, and at most so many times what the smallest catalog takes."""
WORDS = (
    "red",
    "blue",
    "enamel",
    "mug",
    "desk",
    "lamp",
    "wool",
    "coat",
    "steel",
    "pan",
    "oak",
    "table",
    "cotton",
    "large",
)
CHEAP = """
import zlib

import numpy as np

from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.family import EncoderFamily

DIM, BUCKETS = 384, 4096


class Cheap:
    def __init__(self, request, modality):
        self.seed = int(request.model.partition("-")[2])
        self.spec = EncoderSpec(
            name=request.name, modality=modality, dim=DIM, family="cheap", model=request.model,
            revision=None, source="code", weight_hash=f"{self.seed:064}", pooling="mean", normalized=False,
            preprocessing={"library": "numpy"}, request=request.text,
        )
        self.table = np.random.default_rng(self.seed).standard_normal((BUCKETS, DIM), np.float32)

    def prepare(self, value):
        if self.spec.modality == "image":
            return np.asarray(value.resize((16, 8)), np.float32).reshape(-1) / 255 + 0.01
        return self.table[[zlib.crc32(word.encode()) % BUCKETS for word in value.split()]].sum(0)

    def encode(self, prepared):
        return np.stack(prepared) if len(prepared) else np.zeros((0, DIM), np.float32)


def load(request):
    sides = ("image", "text") if request.model.startswith("both") else ("text",)
    return [Cheap(request, modality) for modality in sides]


FAMILY = EncoderFamily(name="cheap", load=load)
"""


@dataclass(frozen=True)
class Run:
    """What one command took."""

    command: str
    items: int
    mib: float
    seconds: float


def install(site: Path) -> None:
    """Leave what pip would leave of a package with the encoder."""
    info = site / "cheap_encoder-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (site / "cheap_encoder.py").write_text(CHEAP)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cheap-encoder\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[featurizer.encoders]\ncheap = cheap_encoder:FAMILY\n")


def write_table(path: Path, items: range, pictures: float) -> None:
    """Write the CSV, and pictures for a share of the items: PNG files of 8 pixels a side."""
    drawn, folder = random.Random(0), path.with_suffix("")
    folder.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write("item_id,title,brand,categories,description,image\n")
        for number in items:
            title, description = (" ".join(drawn.choices(WORDS, k=count)) for count in (5, 12))
            image = f"{folder.name}/{number}.png" if drawn.random() < pictures else ""
            if image:
                (path.parent / image).write_bytes(picture(drawn))
            brand, kind = drawn.choice(WORDS), drawn.choice(WORDS)
            file.write(f"B{number:09},{title} {number},{brand},Home | {kind},{description},{image}\n")


def picture(drawn: random.Random) -> bytes:
    """Return a PNG of 8 x 8 random pixels, by the letter of its specification."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + drawn.randbytes(24) for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def commands(folder: Path, items: int, pictures: float) -> Iterator[tuple[str, list[str]]]:
    """Yield every command with its name, in an order in which each finds what it needs."""
    catalog, features, others = (str(folder / name) for name in ("catalog", "features", "others"))
    sides = "both" if pictures else "text"
    yield "ingest", _ingest(folder / "items.csv", catalog)
    yield "extract", ["extract", catalog, "--encoder", f"cheap=cheap:{sides}-0", "--out", features]
    yield "inspect", ["inspect", features]
    middle = f"B{items // 2:09}"
    yield "inspect --neighbors", ["inspect", features, "--neighbors", middle, "--catalog", catalog]
    yield "verify", ["verify", features]
    yield "verify --sample 20", ["verify", features, "--catalog", catalog, "--sample", "20"]
    yield "", _ingest(folder / "other-items.csv", str(folder / "other-catalog"))
    again = ["extract", str(folder / "other-catalog"), "--encoder", f"cheap=cheap:{sides}-1"]
    yield "", [*again, "--out", others]
    yield "diff", ["diff", features, others]
    for name in ("npy", "parquet", "safetensors"):
        out = str(folder / f"export-{name}")
        yield f"export --format {name}", ["export", features, "--format", name, "--out", out]
    yield "publish --dry-run", ["publish", features, "--repo", "shop/features", "--dry-run"]


def _ingest(table: Path, out: str) -> list[str]:
    return ["ingest", str(table), "--license", "CC0-1.0", "--out", out]


def run(command: str, arguments: list[str], items: int, site: Path) -> Run:
    """Run a command and return what it took; what it says is shown where it fails."""
    paths = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "featurizer", *arguments],
            env=os.environ | {"PYTHONPATH": paths},
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"featurizer {' '.join(arguments)}:\n{said.read().decode()}")
    return Run(command, items, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)


def measure(folder: Path, items: int, pictures: float, only: tuple[str, ...]) -> Iterator[Run]:
    """Make a catalog of so many items and yield what each command took."""
    install(folder / "site")
    write_table(folder / "items.csv", range(items), pictures)
    write_table(folder / "other-items.csv", range(items // 100, items + items // 100), pictures)
    for command, arguments in commands(folder, items, pictures):
        out = Path(arguments[-1])
        needed = "--out" in arguments and not out.name.startswith("export")
        if (needed and out.exists()) or not (needed or not only or command.split()[0] in only):
            continue
        took = run(command, arguments, items, folder / "site")
        if command:
            yield took
        if out.name.startswith("export"):
            shutil.rmtree(out)


def table(runs: list[Run]) -> Iterator[str]:
    """Yield a table: a row a command, of each size MiB, how many times the smallest's, and seconds."""
    sizes = sorted({one.items for one in runs})
    yield "| | " + " | ".join(f"{items:,} items" for items in sizes) + " |"
    yield "|---|" + "---|" * len(sizes)
    for command in dict.fromkeys(one.command for one in runs):
        found = {one.items: one for one in runs if one.command == command}
        first = found[min(found)]
        cells = [_cell(found[items], first) if items in found else "" for items in sizes]
        yield f"| {command} | " + " | ".join(cells) + " |"


def _cell(one: Run, first: Run) -> str:
    flat = one.mib <= LIMIT_MIB and one.mib <= GROWTH * first.mib
    times = "" if one is first else f", {one.mib / first.mib:.2f} times{'' if flat else ' (not flat)'}"
    return f"{one.mib:,.0f} MiB{times}; {one.seconds:,.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", default="10000,100000")
    parser.add_argument("--pictures", type=float, default=0, help="share of the items that have one")
    parser.add_argument("--only", default="", help="commands, such as extract,diff; what they need is made")
    parser.add_argument("--keep", type=Path, help="where catalogs and sets stay for the next time")
    options = parser.parse_args()
    only, runs = tuple(filter(None, options.only.split(","))), []
    with tempfile.TemporaryDirectory() as temporary:
        for items in (int(one) for one in options.items.split(",")):
            folder = (options.keep or Path(temporary)) / str(items)
            folder.mkdir(parents=True, exist_ok=True)
            for one in measure(folder, items, options.pictures, only):
                runs.append(one)
                print(json.dumps(vars(one)), file=sys.stderr, flush=True)
            if options.keep is None:
                shutil.rmtree(folder)
    print("\n".join(table(runs)))


if __name__ == "__main__":
    main()
