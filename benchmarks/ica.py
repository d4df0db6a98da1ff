"""Speed and memory of `pretrain-ica`, beside what nothing can beat: the bare transformer layers.

    python benchmarks/ica.py [--threads N] [--clock wall|processor] [--size small] [--items N ...]

A step is masking, the frozen text encoder under the mask, the model, its losses, the gradient and AdamW, on
real MiniLM texts and patches of EfficientNet's shape. The limit is the same transformer blocks alone, forward
and backward, on a batch of the same shape. Memory is measured in a process of its own for each catalog size:
the fit of scales and codes, and eight steps on items from all over a cache of that many.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.resolve import load_token_encoder
from featurizer.encoders.tokens import TokenSpec
from featurizer.ica.batches import split_rows
from featurizer.ica.fit import _PretrainingRun
from featurizer.ica.initialize import build
from featurizer.ica.options import SIZES, IcaOptions, Training
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.token_shard import ShardTokens, TokenShard, write_shard
from featurizer.ica.token_store import TokenStore
from featurizer.ica.transformer import Transformer
from featurizer.training.hooks import Hooks

WORDS = ["red", "cup", "large", "steel", "lamp", "baby", "soft", "desk", "shirt", "blue", "men", "watch"]
SHARD = 512
LITE0 = (49, 512, 1280)
NARROW = (49, 64, 128)
"""Patches, their dim and the pooled dim: EfficientNet-Lite0's, and a smaller one for the catalog of 100,000."""


def image_spec(shape):
    patches, dim, pooled = shape
    spec = EncoderSpec(
        "synthetic",
        "image",
        pooled,
        "benchmark",
        "synthetic",
        None,
        "folder",
        "0",
        "global_average",
        normalized=False,
    )
    return TokenSpec(spec, dim, ("last",), (7, 7), 0, patches)


def store_of(folder, items, shape, text):
    """Write a cache of `items` synthetic items: random patches, titles of 4 to 12 real words."""
    spec = image_spec(shape)
    draw = np.random.default_rng(0)
    for index, start in enumerate(range(0, items, SHARD)):
        n = min(SHARD, items - start)
        titles = [" ".join(draw.choice(WORDS, draw.integers(4, 13))) for _ in range(n)]
        write_shard(
            folder / f"{index:05d}",
            ShardTokens(
                [f"i{start + row}" for row in range(n)],
                [None] * n,
                np.ones(n, bool),
                text.tokenize(titles),
                draw.standard_normal((n, *shape[:2]), np.float32).astype(np.float16),
                draw.standard_normal((n, shape[2]), np.float32),
                draw.standard_normal((n, text.spec.pooled.dim), np.float32),
            ),
        )
    folders = sorted(folder.iterdir())
    return TokenStore(folder, spec, text.spec, tuple(TokenShard(path, spec, text.spec) for path in folders))


def job_of(store, text, size):
    options = IcaOptions(architecture=SIZES[size], training=Training(epochs=1))
    train, valid = split_rows(store.rows, 0.1, 0)
    model, heads = build(store, train, options)
    return TrainingSetup(model, heads, store, text, train, valid, options)


def timed(clock, work, times):
    work()
    start = clock()
    for _ in range(times):
        work()
    return (clock() - start) / times


def bare(clock, form, batch, tokens, times):
    """Seconds of the transformer blocks alone, forward and backward."""
    blocks = Transformer(form)
    states = torch.randn(batch, tokens, form.width, requires_grad=True)
    visible = torch.ones(batch, tokens, dtype=torch.bool)
    return timed(clock, lambda: blocks(states, visible, 50).sum().backward(), times)


def speed(clock, size, times):
    text = load_token_encoder("minilm", "text", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        store = store_of(Path(folder), 2048, LITE0, text)
        job = job_of(store, text, size)
        run = _PretrainingRun(job, Hooks())
        order = np.arange(2048)
        part = run._read(order, 0, 0)
        items, masks = part.items, part.masks
        from featurizer.ica.text_states import encode_text

        step = timed(clock, lambda: run._learn(part), times)
        frozen = timed(clock, lambda: encode_text(text, items, masks), times)
        batch, tokens = len(items.ids), 1 + items.image.shape[1] + items.ids.shape[1]
        limit = bare(clock, job.options.architecture, batch, tokens, times)
        reading = timed(clock, lambda: store.read(part.rows), times)
    print(
        "| size | items a step | tokens | a step | of it the frozen text encoder | the bare blocks | share |"
    )
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {size} | {batch} | {tokens} | {step:.3f} s, {batch / step:.1f} items/s | {frozen:.3f} s "
        f"| {limit:.3f} s, {batch / limit:.1f} items/s | {limit / step:.2f}; {limit / (step - frozen):.2f} without the "
        "frozen encoder |"
    )
    print(
        f"\nThe cache is read at {batch / reading:,.0f} items/s, {step / reading:.0f} times the rate of training.\n"
    )


def memory(items):
    """Peak memory of the start and eight steps from a cache of `items` items, in this process."""
    text = load_token_encoder("minilm", "text", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        store = store_of(Path(folder), items, NARROW, text)
        # Linux forgets the peak: loading and writing the cache are not what is measured
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
        job = job_of(store, text, "tiny")
        run = _PretrainingRun(replace(job, train=job.train[:2048]), Hooks())
        for step in range(8):
            run._learn(run._read(np.random.default_rng(step).permutation(store.rows)[:2048], 0, step))
        sizes = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    print(json.dumps({"items": items, "cache": sizes, "before": before, "peak": resident("VmHWM")}))


def resident(field):
    """Bytes of memory: `VmRSS` now, or `VmHWM` at most since it was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(field)).split()[1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
    parser.add_argument("--size", default="small", choices=list(SIZES))
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--items", type=int, nargs="*", default=[3_000, 100_000])
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory:
        memory(options.memory)
        return
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    print(f"{options.threads} threads, {options.clock} seconds, torch {torch.__version__}\n")
    speed(clock, options.size, options.times)
    print("| items | cache | bytes an item | peak memory | of it before training |")
    print("|---|---|---|---|---|")
    for items in options.items:
        command = [sys.executable, __file__, "--memory", str(items), "--threads", str(options.threads)]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"| {items:,} | {row['cache'] / 2**30:.2f} GiB | {row['cache'] / items:,.0f} "
            f"| {row['peak'] / 2**30:.2f} GiB | {row['before'] / 2**30:.2f} GiB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
