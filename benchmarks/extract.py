"""What `extract` costs an item, beside what nobody can avoid and what a careful user's script costs.

    python benchmarks/extract.py [--items 512 2048] [--threads 1]
    python benchmarks/extract.py --rounds 5 [--items 256]

- models alone: the bare forward passes of EfficientNet-Lite0 and MiniLM on tensors that were put together before, in
  the order and memory format that `extract` uses, freed memory kept.
- Pillow alone: bytes to a picture of the model's size, a loop.
- a careful user: timm behind a DataLoader with a worker a thread, SentenceTransformer.encode on all texts, both from
  bytes and texts in memory, nothing written.
- extract: the command's work on a catalog, resumable, every item accounted for, features on disk; of it encoding, from
  prepared pictures and texts to vectors (with one thread, of the processor too).

Each runs in a process of its own, whose models have seen two batches before the clock starts; processor seconds count
those of its children. Peak memory must not grow with the items.

`--rounds` has one process do all but the script in turn, with one thread, and prints processor milliseconds an item a
round: on a machine that others use too the parts are comparable then.
"""

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from featurizer.catalog.images import ImageFetcher
from featurizer.catalog.ingest import ingest
from featurizer.catalog.store import Catalog
from featurizer.memory import keep_freed_memory
from featurizer.records import ImageRef, ItemRecord

ENCODERS = ["efficientnet-lite0", "minilm"]
BATCH = 32
SHARD = 512


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


def read(folder):
    """Return a catalog's picture bytes and texts."""
    table = Catalog.open(folder).batches(["image", "text"])
    rows = [row for batch in table for row in batch.to_pylist()]
    return [row["image"]["bytes"] for row in rows], [row["text"] for row in rows]


def spent():
    """Seconds of the processor, of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(work):
    """Return (wall seconds, processor seconds) of a call."""
    wall, processor = time.perf_counter(), spent()
    work()
    return time.perf_counter() - wall, spent() - processor


def models(folder, threads):
    """The two models alone, one batch after another that was prepared before."""
    import torch

    from featurizer.encoders.families.sentence_transformers.model import open_model as open_text
    from featurizer.encoders.families.timm.encoder import open_model as open_image
    from featurizer.encoders.resolve import resolve

    keep_freed_memory()
    torch.set_num_threads(threads)
    image, text = (
        opened(resolve(name)) for opened, name in zip((open_image, open_text), ENCODERS, strict=True)
    )
    pictures, texts = read(folder)
    prepared = [image.encoder.prepare(Image.open(io.BytesIO(one)).convert("RGB")) for one in pictures[:SHARD]]
    ordered = [
        one for start in range(0, len(texts), SHARD) for one in longest_first(texts[start : start + SHARD])
    ]
    stacks = [torch.stack(some).to(memory_format=image.place.torch_format) for some in batches_of(prepared)]
    tokens = [text.model.preprocess(some) for some in batches_of(ordered)]

    @torch.inference_mode()
    def pass_through(model, inputs, count):
        for batch in range(count):
            one = inputs[batch % len(inputs)]
            model(dict(one) if isinstance(one, dict) else one)

    pass_through(image.model, stacks, 2), pass_through(text.model, tokens, 2)
    count = -(-len(pictures) // BATCH)
    return {
        "image model alone": timed(lambda: pass_through(image.model, stacks, count)),
        "text model alone": timed(lambda: pass_through(text.model, tokens, count)),
    }


def batches_of(inputs):
    return [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]


def longest_first(texts):
    return sorted(texts, key=lambda text: -len(text))


def pillow(folder, _):
    """Bytes to a picture that is as large as the model takes it."""
    pictures, _ = read(folder)
    pillow_loop(pictures[:BATCH])
    return {"Pillow alone": timed(lambda: pillow_loop(pictures))}


def pillow_loop(pictures):
    for one in pictures:
        picture = Image.open(io.BytesIO(one)).convert("RGB").resize((256, 256), Image.Resampling.BICUBIC)
        np.asarray(picture.crop((16, 16, 240, 240)))


def careful(folder, threads):
    """What a careful user writes: libraries as they are meant to be used."""
    import timm
    import torch
    from sentence_transformers import SentenceTransformer
    from timm.data import create_transform, resolve_model_data_config
    from torch.utils.data import DataLoader

    from featurizer.encoders.resolve import resolve

    torch.set_num_threads(threads)
    pictures, texts = read(folder)
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0).eval()
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    reader = SentenceTransformer(str(resolve("minilm").weights), device="cpu")
    loader = DataLoader(Decoded(pictures, transform), batch_size=BATCH, num_workers=threads)

    def run():
        with torch.inference_mode():
            torch.cat([model(batch) for batch in loader])
        reader.encode(texts, batch_size=BATCH, show_progress_bar=False)

    return {"a careful user": timed(run)}


class Decoded:
    """Pictures as a DataLoader reads them."""

    def __init__(self, pictures, transform):
        self.pictures, self.transform = pictures, transform

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, row):
        return self.transform(Image.open(io.BytesIO(self.pictures[row])).convert("RGB"))


def engine(folder, threads):
    """One extract, with what its own clock says of encoding."""
    from featurizer.encoders.resolve import load_encoders
    from featurizer.features.extract import ExtractOptions, extract

    keep_freed_memory()
    spent_encoding = []
    encoders = [watched(encoder, spent_encoding) for encoder in load_encoders(ENCODERS, device="cpu")]
    catalog = Catalog.open(folder)
    image, text = encoders
    for _ in range(2):
        image.encode([image.prepare(Image.new("RGB", (500, 500)))] * BATCH)
        text.encode(["red cup " * 6] * BATCH)
    made = []
    with tempfile.TemporaryDirectory() as out:
        options = ExtractOptions(batch_size=BATCH, shard_rows=SHARD, threads=threads)
        taken = timed(lambda: made.append(extract(catalog, encoders, Path(out) / "f", options)))
    encode = made[0].manifest.seconds["encode"]
    processor = sum(spent_encoding) if threads == 1 else float("nan")
    return {"extract": taken, "of it encoding, by its clock": (encode, processor)}


def watched(encoder, spent_encoding):
    """Return an encoder that notes what its thread spends of the processor; torch's other threads do not count."""

    def start(prepared):
        before = time.thread_time()
        vectors = encoder.start(prepared)
        spent_encoding.append(time.thread_time() - before)
        return vectors

    return replace(encoder, start=start)


KINDS = {one.__name__: one for one in (models, pillow, careful, engine)}


def in_a_process(kind, folder, threads):
    """Return what one kind of work took, by name, and its peak memory in MiB."""
    command = [sys.executable, __file__, "--one", kind, str(folder), "--threads", str(threads)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [line.split("\t") for line in lines if line.count("\t") == 3]
    return {name: (float(wall), float(processor)) for name, wall, processor, _ in found}, float(found[0][3])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, nargs="+", default=[512, 2048])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--one", nargs=2, metavar=("KIND", "CATALOG"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, folder = arguments.one
        found = KINDS[kind](Path(folder), arguments.threads)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        for name, (wall, processor) in found.items():
            print(name, wall, processor, peak, sep="\t")
        return
    for items in arguments.items:
        with tempfile.TemporaryDirectory() as folder:
            make_catalog(items, Path(folder) / "c")
            if arguments.rounds:
                rounds(Path(folder) / "c", arguments.rounds)
            else:
                report(items, Path(folder) / "c", arguments.threads)


def rounds(folder, count):
    """Print processor milliseconds an item of the bare passes, Pillow and extract, one after the other each round."""
    import torch

    from featurizer.encoders.families.sentence_transformers.encoder import text_encoder
    from featurizer.encoders.families.sentence_transformers.model import open_model as open_text
    from featurizer.encoders.families.timm.encoder import open_model as open_image
    from featurizer.encoders.resolve import resolve
    from featurizer.features.extract import ExtractOptions, extract

    keep_freed_memory()
    torch.set_num_threads(1)
    image, text = open_image(resolve(ENCODERS[0])), open_text(resolve(ENCODERS[1]))
    spent_encoding = []
    encoders = [watched(one, spent_encoding) for one in (image.encoder, text_encoder(text))]
    pictures, texts = read(folder)
    prepared = [image.encoder.prepare(Image.open(io.BytesIO(one)).convert("RGB")) for one in pictures]
    stacks = [torch.stack(some).to(memory_format=image.place.torch_format) for some in batches_of(prepared)]
    tokens = [text.model.preprocess(some) for some in batches_of(longest_first(texts))]
    options = ExtractOptions(batch_size=BATCH, shard_rows=SHARD, threads=1)

    @torch.inference_mode()
    def pass_through(model, inputs):
        for one in inputs:
            model(dict(one) if isinstance(one, dict) else one)

    def whole():
        with tempfile.TemporaryDirectory() as out:
            extract(Catalog.open(folder), encoders, Path(out) / "f", options)

    works = {
        "image model": lambda: pass_through(image.model, stacks),
        "text model": lambda: pass_through(text.model, tokens),
        "Pillow": lambda: pillow_loop(pictures),
        "extract": whole,
    }
    print(
        "| image model | text model | Pillow | extract | of it encoding | bare / encoding | bare / extract |"
    )
    print("|---|---|---|---|---|---|---|")
    for number in range(count + 1):  # the first warms up
        spent_encoding.clear()
        found = {name: 1000 * timed(work)[1] / len(pictures) for name, work in works.items()}
        encoding = 1000 * sum(spent_encoding) / len(pictures)
        forward = found["image model"] + found["text model"]
        shares = forward / encoding, (forward + found["Pillow"]) / found["extract"]
        row = [*found.values(), encoding, *shares]
        if number:
            print("| " + " | ".join(f"{value:.2f}" for value in row) + " |", flush=True)


def report(items, catalog, threads):
    """Print a table of milliseconds an item, and what the parts are of each other."""
    print(f"\n{items} items, {threads} threads\n\n| | wall ms an item | processor ms an item | peak MiB |")
    print("|---|---|---|---|")
    found = {}
    for kind in KINDS:
        taken, peak = in_a_process(kind, catalog, threads)
        found |= taken
        for name, (wall, processor) in taken.items():
            print(
                f"| {name} | {1000 * wall / items:.2f} | {1000 * processor / items:.2f} | {peak:.0f} |",
                flush=True,
            )
    forward = [found["image model alone"][who] + found["text model alone"][who] for who in (0, 1)]
    whole, careful_user, decoded = (found[name] for name in ("extract", "a careful user", "Pillow alone"))
    encoding = found["of it encoding, by its clock"]
    print(
        f"\nThe models alone take {forward[0] / encoding[0]:.2f} of the encode clock (wall; processor "
        f"{forward[1] / encoding[1]:.2f}); they and Pillow alone {(forward[1] + decoded[1]) / whole[1]:.2f} of the "
        f"whole (processor); a careful user's script takes "
        f"{careful_user[1] / whole[1]:.2f} times as much of the processor, "
        f"{careful_user[0] / whole[0]:.2f} times as long."
    )


if __name__ == "__main__":
    main()
