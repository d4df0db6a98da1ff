"""How much memory commands take as the items grow: a catalog of N items, vectors of 384 numbers.

    python benchmarks/memory.py [--items 10000,100000] [--pictures 0] [--only extract,diff] [--keep DIR]
    python benchmarks/memory.py --formulas [--items 10000,20000,40000]

Every command runs as a user runs it, in a process of its own: `ingest` of a CSV that is drawn by a seed, `extract` with
its card, `inspect` and its neighbors, `verify` with its catalog, `diff` of two sets, `export`, `publish --dry-run`. The
encoder costs next to nothing (cheap_encoder.py). Memory is the most that was resident at once, of the command alone;
what a process needs before it has seen an item is in it. Seconds are the processor's.

With --formulas it is `train`, `align`, `pretrain-ica`, `score-features` and `report`, which hold what grows with the
items: of each the bytes an item, of two sizes, and what they say of a third. There every item has a picture, and five
interactions.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LIMIT_MIB = 1536
GROWTH = 1.2
"""What flat means: at most so many MiB, and at most so many times what the smallest catalog takes."""
PAIRS = 5
"""Interactions an item."""
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
)


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
    shutil.copy(Path(__file__).parent / "cheap_encoder.py", site)
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

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + drawn.randbytes(24) for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def write_interactions(path: Path, items: int) -> None:
    """Write who bought what: ten items a user, half of them near each other."""
    drawn = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write("user_id,item_id,timestamp\n")
        for user in range(items * PAIRS // 10):
            home = drawn.randrange(items)
            near = {(home + drawn.randrange(40)) % items for _ in range(5)}
            for item in sorted(near | set(drawn.sample(range(items), 5))):
                file.write(f"u{user},B{item:09},{drawn.randrange(1_600_000_000)}\n")


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
    other = str(folder / "other-catalog")
    yield "", _ingest(folder / "other-items.csv", other)
    yield "", ["extract", other, "--encoder", f"cheap=cheap:{sides}-1", "--out", others]
    yield "diff", ["diff", features, others]
    for name in ("npy", "parquet", "safetensors"):
        out = str(folder / f"export-{name}")
        yield f"export --format {name}", ["export", features, "--format", name, "--out", out]
    yield "publish --dry-run", ["publish", features, "--repo", "shop/features", "--dry-run"]


def growing(folder: Path, items: int, pictures: float) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands that hold what grows with the items."""
    catalog, features = str(folder / "catalog"), str(folder / "features")
    bought = ["--interactions", str(folder / "catalog" / "interactions.parquet")]
    yield "", [*_ingest(folder / "items.csv", catalog), "--interactions", str(folder / "pairs.csv")]
    yield "", ["extract", catalog, "--encoder", "cheap=cheap:both-0", "--out", features]
    found = {
        "align": ["align", features, *bought],
        "train": ["train", features, *bought, "--space", "cheap_image+cheap_text", "--epochs", "1"],
        "score-features": ["score-features", features, *bought, "--users", "2000"],
        "report": ["report", catalog, features, "--no-tsne"],
        "pretrain-ica": [
            "pretrain-ica",
            catalog,
            "--vision",
            "cheap=cheap:both-0",
            "--text",
            "cheap=cheap:both-0",
        ],
    }
    found["pretrain-ica"] += ["--size", "tiny", "--epochs", "1"]
    for name, arguments in found.items():
        yield name, [*arguments, "--out", str(folder / f"made-{name}")]


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


Commands = Callable[[Path, int, float], Iterator[tuple[str, list[str]]]]


def measure(folder: Path, items: int, pictures: float, only: tuple[str, ...], of: Commands) -> Iterator[Run]:
    """Make a catalog of so many items and yield what each command took."""
    install(folder / "site")
    if not (folder / "pairs.csv").exists():
        write_table(folder / "items.csv", range(items), pictures)
        write_table(folder / "other-items.csv", range(items // 100, items + items // 100), pictures)
        write_interactions(folder / "pairs.csv", items)
    for command, arguments in of(folder, items, pictures):
        out = Path(arguments[arguments.index("--out") + 1]) if "--out" in arguments else folder
        passing = out.name.startswith(("export-", "made-"))
        needed = out != folder and not passing
        if (needed and out.exists()) or not (needed or not only or command.split()[0] in only):
            continue
        took = run(command, arguments, items, folder / "site")
        if command:
            yield took
        if passing:
            shutil.rmtree(out) if out.is_dir() else out.unlink()


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


def formulas(runs: list[Run]) -> Iterator[str]:
    """Yield a table: of each command what a process takes, and an item, by the two smaller sizes; and the largest."""
    yield "| | MiB | bytes an item | at | expected MiB | measured | |\n|---|---|---|---|---|---|---|"
    for command in dict.fromkeys(one.command for one in runs):
        few, many, most = sorted((one for one in runs if one.command == command), key=lambda one: one.items)
        each = (many.mib - few.mib) / (many.items - few.items)
        start = few.mib - each * few.items
        expected = start + each * most.items
        off = most.mib / expected - 1
        yield (
            f"| {command} | {start:,.0f} | {each * 2**20:,.0f} | {most.items:,} items | {expected:,.0f} | "
            f"{most.mib:,.0f} | {off:+.0%} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", help="numbers of items; with --formulas three")
    parser.add_argument("--formulas", action="store_true", help="of commands that hold what grows")
    parser.add_argument("--pictures", type=float, default=0, help="share of the items that have one")
    parser.add_argument("--only", default="", help="commands, such as extract,diff; what they need is made")
    parser.add_argument("--keep", type=Path, help="where catalogs and sets stay for the next time")
    options = parser.parse_args()
    if options.formulas and options.items is not None and options.items.count(",") != 2:
        parser.error("--formulas takes three numbers of items: two tell the formula, the third tries it")
    only, runs = tuple(filter(None, options.only.split(","))), []
    sizes = options.items or ("10000,20000,40000" if options.formulas else "10000,100000")
    pictures, of = (1, growing) if options.formulas else (options.pictures, commands)
    with tempfile.TemporaryDirectory() as temporary:
        for items in (int(one) for one in sizes.split(",")):
            folder = (options.keep or Path(temporary)) / str(items)
            folder.mkdir(parents=True, exist_ok=True)
            for one in measure(folder, items, pictures, only, of):
                runs.append(one)
                print(json.dumps(vars(one)), file=sys.stderr, flush=True)
            if options.keep is None:
                shutil.rmtree(folder)
    print("\n".join(formulas(runs) if options.formulas else table(runs)))


if __name__ == "__main__":
    main()
