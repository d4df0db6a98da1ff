"""How fast a table becomes a catalog, and in how much memory, beside Polars that only turns the same CSV into Parquet.

    python benchmarks/ingest.py [--rows 1000000] [--repeats 3]

Each measurement is a process of its own, bound to one core, with one thread. The table is drawn by a seed: eight
columns, a title of five words, a description of twenty, no pictures. `polars` reads every cell as text and writes
Parquet with zstd, nothing else; `ingest` also reads ids, cleans and renders the text, checks that ids are unique, and
hashes. CPU seconds are of the whole process, `start` those of one with a table of ten rows; rates are rows for each of
their difference. Memory is the most that was resident.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

WORDS = [
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
    "shirt",
    "large",
    "small",
    "warm",
    "quiet",
]
COLUMNS = ("id", "title", "brand", "category", "description", "price", "color", "stock")
INGEST = "import sys, featurizer as fz; fz.ingest(sys.argv[1], out=sys.argv[2] + '/catalog')"
POLARS = (
    "import sys, polars as pl; pl.read_csv(sys.argv[1], infer_schema=False)"
    ".write_parquet(sys.argv[2] + '/t.parquet', compression='zstd')"
)


def write_table(path: Path, rows: int) -> None:
    drawn = random.Random(0)

    def words(count: int) -> str:
        return " ".join(drawn.choices(WORDS, k=count))

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            price, stock = f"{drawn.random() * 100:.2f}", drawn.randrange(100)
            kind = f"Home > {words(1)}"
            writer.writerow((f"B{number:09}", words(5), words(1), kind, words(20), price, words(1), stock))


def measured(code: str, table: Path) -> tuple[float, float]:
    """Return CPU seconds and the most MB that were resident."""
    alone = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "FEATURIZER_QUIET": "1"}
    told = (
        "import resource; used = resource.getrusage(resource.RUSAGE_SELF); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)"
    )
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run(
            [sys.executable, "-c", f"{code}; {told}", str(table), out],
            env=os.environ | alone,
            check=True,
            capture_output=True,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = (10, options.rows // 10, options.rows)
        tables = {rows: Path(folder) / f"{rows}.csv" for rows in sizes}
        for rows, path in tables.items():
            write_table(path, rows)
        print(f"| what | rows | MB of CSV | CPU seconds | rows a CPU second | most MB |\n|---|{'---:|' * 5}")
        for name, code in {"polars": POLARS, "ingest": INGEST}.items():
            start = median(measured(code, tables[10])[0] for _ in range(options.repeats))
            for rows in sizes:
                seconds, memory = (
                    median(each)
                    for each in zip(
                        *(measured(code, tables[rows]) for _ in range(options.repeats)), strict=True
                    )
                )
                rate = f"{rows / (seconds - start):,.0f}" if rows > sizes[0] else "start"
                size = tables[rows].stat().st_size / 2**20
                print(
                    f"| {name} | {rows:,} | {size:.1f} | {seconds:.2f} | {rate} | {memory:.0f} |", flush=True
                )


if __name__ == "__main__":
    main()
