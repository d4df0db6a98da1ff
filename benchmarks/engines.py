"""What workers of a Ray cluster bring `extract`, where an encoder takes its time: seconds by the number of workers.

    python benchmarks/engines.py [--items 2560] [--workers 1 2]

The encoder sleeps a tenth of a second a batch of 32 instead of computing, so that cores are no limit; start-up, told
apart, is Ray's and each worker's imports. Beside them the local engine, and whether all hashes are equal.
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

from featurizer.actors import Cluster
from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.store import Catalog
from featurizer.encoders.resolve import load_encoders
from featurizer.features.engines.on_ray import ray_engine
from featurizer.features.engines.plan import Plan
from featurizer.features.extract import ExtractOptions, extract, write_extracted
from featurizer.features.write import EVERYTHING
from featurizer.records import ItemRecord

PLUGIN = """
import time
import numpy as np
from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.family import EncoderFamily


class Sleeper:
    spec = EncoderSpec("sleeper", "text", 8, "bench", "sleeper", None, "folder", "0" * 64, "none", normalized=False)

    def prepare(self, text):
        return len(text)

    def encode(self, prepared):
        time.sleep(0.1)
        return np.arange(8, dtype=np.float32) + np.asarray(prepared, np.float32)[:, None]


FAMILY = EncoderFamily("sleeper", lambda request: [Sleeper()])
"""


class Titles:
    """n items with a title."""

    def __init__(self, n):
        self.n, self.identity, self.extra = n, {"titles": n}, {}

    def __iter__(self):
        return (ItemRecord(f"i{row}", title="cup " * (1 + row % 9)) for row in range(self.n))


def plugged(site):
    info = site / "sleeper-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sleeper\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[featurizer.encoders]\nsleeper = sleeper_family:FAMILY\n")
    (site / "sleeper_family.py").write_text(PLUGIN)
    sys.path.insert(0, str(site))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(site), str(Path(__file__).parents[1])])


def hashes(folder):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((folder / "data").iterdir())]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=2560)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        plugged(root / "site")
        with ImageFetcher() as fetcher:
            ingest(Titles(args.items), root / "catalog", fetcher=fetcher)
        catalog, options = Catalog.open(root / "catalog"), ExtractOptions(shard_rows=64, threads=1)
        begun = time.perf_counter()
        extract(catalog, load_encoders(["sleeper"]), root / "local", options)
        first, expected = time.perf_counter() - begun, hashes(root / "local")
        print("| engine | start | work | faster than one | same bytes |\n|---|---|---|---|---|")
        print(f"| local | - | {first:.1f} s | - | - |", flush=True)
        alone = None
        for workers in args.workers:
            out = root / f"ray{workers}"
            begun = time.perf_counter()
            with ray_engine(
                Plan(catalog.folder, ("sleeper",), out, options), Cluster(workers=workers)
            ) as engine:
                ready = time.perf_counter()
                write_extracted(
                    out, engine.told.draft, engine, EVERYTHING, catalog, engine.told.taught, options
                )
                work = time.perf_counter() - ready
            alone = alone or work
            same = "yes" if hashes(out) == expected else "NO"
            print(
                f"| ray, {workers} | {ready - begun:.1f} s | {work:.1f} s | {alone / work:.2f} | {same} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
