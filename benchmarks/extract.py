"""Items a second and peak memory of `extract`, beside the bare models on inputs that are ready.

The yardstick is the two models alone, in batches, on tensors and texts prepared beforehand: what no engine
can beat. Memory is measured in a process of its own for two catalog sizes: it must not grow.
"""

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.store import Catalog
from featurizer.encoders.resolve import load_encoders
from featurizer.features.extract import ExtractOptions, extract
from featurizer.records import ImageRef, ItemRecord

ENCODERS = ["efficientnet-lite0", "minilm"]
BATCH = 32


class Synthetic:
    """n items with a JPEG of 500 px (random blocks) and a title of twelve words."""

    extra: dict[str, object] = {}  # noqa: RUF012

    def __init__(self, n):
        self.n, self.identity = n, {"n": n}

    def __iter__(self):
        for i in range(self.n):
            draw = np.random.default_rng(i)
            picture = Image.fromarray(draw.integers(0, 255, (25, 25, 3), np.uint8)).resize((500, 500))
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=85)
            words = " ".join(
                draw.choice(["red", "cup", "large", "steel", "lamp", "baby", "soft", "desk"], 12)
            )
            yield ItemRecord(f"i{i}", title=words, image=ImageRef(data=buffer.getvalue()))


def make_catalog(n, folder):
    with ImageFetcher() as fetcher:
        return ingest(Synthetic(n), folder, fetcher=fetcher)


def bare(n):
    """Seconds that the two models need for n items that are decoded and prepared."""
    image, text = load_encoders(ENCODERS, device="cpu")
    items = list(Synthetic(BATCH))
    pictures = [image.prepare(Image.open(io.BytesIO(item.image.data)).convert("RGB")) for item in items]
    texts = [item.title for item in items]
    image.encode(pictures), text.encode(texts)
    start = time.perf_counter()
    for _ in range(n // BATCH):
        image.encode(pictures), text.encode(texts)
    return time.perf_counter() - start


def engine(folder):
    """(items a second, peak MiB, seconds by stage) of one extract in this process."""
    encoders = load_encoders(ENCODERS, device="cpu")
    catalog = Catalog.open(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        made = extract(catalog, encoders, Path(out) / "f", ExtractOptions(batch_size=BATCH, shard_rows=512))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{catalog.rows},{catalog.rows / seconds:.1f},{before:.0f},{peak:.0f},{made.manifest.seconds}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--engine", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        engine(arguments.engine)
        return
    print(f"{'':24}{'items/s':>9}{'of bare':>9}{'MiB before':>12}{'MiB peak':>10}   seconds")
    n = min(arguments.items)
    limit = n / bare(n)
    print(f"{'bare models':24}{limit:9.1f}{1:9.2f}")
    for items in arguments.items:
        with tempfile.TemporaryDirectory() as folder:
            make_catalog(items, Path(folder) / "c")
            command = [sys.executable, __file__, "--engine", str(Path(folder) / "c")]
            line = (
                subprocess.run(command, capture_output=True, text=True, check=True)
                .stdout.strip()
                .splitlines()[-1]
            )
        rows, rate, before, peak, seconds = line.split(",", 4)
        share = float(rate) / limit
        print(
            f"{f'extract, {rows} items':24}{float(rate):9.1f}{share:9.2f}{before:>12}{peak:>10}   {seconds}"
        )


if __name__ == "__main__":
    main()
