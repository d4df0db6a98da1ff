"""Speed and memory of `pretrain-ica`, beside what nothing can beat: the bare transformer layers.

    python benchmarks/ica.py [--threads N] [--clock wall|processor] [--size S] [--precision P] [--items N ...]

A step is the frozen text encoder on what is masked, the model, its losses, the gradient and AdamW, on real
MiniLM texts and patches of EfficientNet's shape. The bare blocks are the same layers alone, forward and backward,
on a batch of the same shape, written out here; a step may take less, since it leaves out the tokens that
nobody may attend to. Freed memory is kept, as the command does. Peak memory is measured in a process of its own
for each catalog size: the fit of scales and codes, and eight steps on items from all over a cache of that many.
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
from torch.nn import functional

from featurizer.encoders.base import EncoderSpec
from featurizer.encoders.resolve import load_token_encoder
from featurizer.encoders.tokens import TokenSpec
from featurizer.ica.batches import split_rows
from featurizer.ica.fit import _PretrainingRun
from featurizer.ica.initialize import build
from featurizer.ica.options import SIZES, IcaOptions, Training
from featurizer.ica.setup import TrainingSetup
from featurizer.ica.text_states import encode_text
from featurizer.ica.token_shard import ShardTokens, TokenShard, write_shard
from featurizer.ica.token_store import TokenStore
from featurizer.ica.transformer import Transformer
from featurizer.memory import keep_freed_memory
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
    """Write a cache of `items` synthetic items: random states, titles of 4 to 12 real words."""
    spec = image_spec(shape)
    draw = np.random.default_rng(0)
    for index, start in enumerate(range(0, items, SHARD)):
        n = min(SHARD, items - start)
        titles = [" ".join(draw.choice(WORDS, draw.integers(4, 13))) for _ in range(n)]
        texts = text.tokenize(titles)
        write_shard(
            folder / f"{index:05d}",
            ShardTokens(
                [f"i{start + row}" for row in range(n)],
                [None] * n,
                np.ones(n, bool),
                texts,
                draw.standard_normal((n, *shape[:2]), np.float32).astype(np.float16),
                draw.standard_normal((n, shape[2]), np.float32),
                [draw.standard_normal((len(one.ids), text.spec.dim), np.float32) for one in texts],
                draw.standard_normal((n, text.spec.pooled.dim), np.float32),
            ),
        )
    folders = sorted(folder.iterdir())
    return TokenStore(folder, spec, text.spec, tuple(TokenShard(path, spec, text.spec) for path in folders))


def job_of(store, text, size, precision="float32"):
    training = Training(epochs=1, precision=precision)
    options = IcaOptions(architecture=SIZES[size], training=training)
    train, valid = split_rows(store.rows, 0.1, 0)
    model, heads = build(store, train, options)
    return TrainingSetup(model, heads, store, text, train, valid, options)


def timed(clock, works, times):
    """Return the median seconds of each of some pieces of work by name, one after the other each time."""
    taken = {name: [] for name in works}
    for _ in range(1 + times):
        for name, work in works.items():
            start = clock()
            work()
            taken[name].append(clock() - start)
    return {name: float(np.median(seconds[1:])) for name, seconds in taken.items()}


def bare(form, batch, tokens, precision):
    """Return what runs the transformer blocks alone on every token, forward and backward."""
    blocks = Transformer(form).blocks
    start = torch.randn(batch, tokens, form.width, requires_grad=True)

    def once():
        states = start
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            for block in blocks:
                attention, experts = block.attention, block.experts
                parts = attention.inward(attention.norm(states)).view(batch, tokens, 3, form.heads, -1)
                mixed = functional.scaled_dot_product_attention(*parts.permute(2, 0, 3, 1, 4))
                states = states + attention.outward(mixed.transpose(1, 2).flatten(2))
                names = ("both", "both") if "both" in experts else ("image", "text")
                kinds = zip(names, states.split([50, tokens - 50], dim=1), strict=True)
                states = torch.cat([part + experts[name](part) for name, part in kinds], dim=1)
        states.sum().backward()

    return once


def speed(clock, size, precision, times):
    text = load_token_encoder("minilm", "text", device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        store = store_of(Path(folder), 2048, LITE0, text)
        job = job_of(store, text, size, precision)
        run = _PretrainingRun(job, Hooks())
        order = np.arange(2048)
        part = run._read(order, 0, 0)
        items, masks = part.items, part.masks
        batch, tokens = len(items.ids), 1 + items.image.shape[1] + items.ids.shape[1]

        def frozen():
            with run._autocast():
                encode_text(text, items, masks)

        works = {
            "step": lambda: run._learn(part),
            "frozen": frozen,
            "bare": bare(job.options.architecture, batch, tokens, precision),
            "read": lambda: store.read(part.rows),
        }
        taken = timed(clock, works, times)
        states = job.model(items, encode_text(text, items, masks), masks)
        shown = float(states.visible.float().mean())
    step, limit = taken["step"], taken["bare"]
    print(
        "| size | numbers | items a step | tokens | of them seen | a step | of it the frozen text encoder "
        "| the bare blocks | share |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {size} | {precision} | {batch} | {tokens} | {shown:.2f} | {step:.3f} s, {batch / step:.1f} items/s "
        f"| {taken['frozen']:.3f} s | {limit:.3f} s, {batch / limit:.1f} items/s | {limit / step:.2f} |"
    )
    print(
        f"\nThe cache is read at {batch / taken['read']:,.0f} items/s, {step / taken['read']:.0f} times the rate of "
        "training.\n"
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
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--items", type=int, nargs="*", default=[3_000, 100_000])
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    if options.memory:
        memory(options.memory)
        return
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    print(f"{options.threads} threads, {options.clock} seconds, torch {torch.__version__}\n")
    speed(clock, options.size, options.precision, options.times)
    if not options.items:
        return
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
