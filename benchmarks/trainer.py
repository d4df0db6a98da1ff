"""Speed of the trainer: set-up, epoch, evaluation, each operation's share, and what the products alone cost.

    python benchmarks/trainer.py [--data DIR] [--threads N] [--epochs N] [--sizes]
    python benchmarks/trainer.py --one electronics --steps 12 [--batch-size 2048]

Real splits where they are there, with 768-d features; `--sizes` adds synthetic ones up to Electronics' size. The
limit is measured in the same run: the sparse and the dense products of a step, called alone. `--clock
processor` with `--threads 1` tells the same on a machine that is busy with other work. `--steps` takes a minute at any
size: it times so many steps, over neighbors that are drawn at random, which cost a step the same as the nearest.
"""

from __future__ import annotations

import argparse
import itertools
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl
import torch
from places import DATA

from featurizer.interactions.store import read_split
from featurizer.memory import keep_freed_memory
from featurizer.ranking.neighbors import Neighbors
from featurizer.recsys.configuration import configuration
from featurizer.recsys.csr import Csr, linear_map
from featurizer.recsys.data import RecData, assemble
from featurizer.recsys.fit import fit, ranked
from featurizer.recsys.item_graph import normalized_neighbors
from featurizer.recsys.models.alignrec import ALIGNREC, AlignRec
from featurizer.recsys.sampler import Sampler, Triples
from featurizer.training.hooks import Clock, Hooks

WIDTH = 768
SIZES = {
    "small": (20_000, 7_000, 180_000),
    "middle": (60_000, 25_000, 550_000),
    "electronics": (192_403, 63_001, 1_689_188),
}
AUTHORS = {"set-up": 25.0, "train": 19.0, "train + 2 evaluations": 27.8}


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def timed(clock: Clock, work: Callable[[], object], times: int = 1) -> float:
    begun = clock()
    for _ in range(times):
        work()
    return (clock() - begun) / times


Given: TypeAlias = tuple[pl.DataFrame, list[str], np.ndarray]
"""Interactions, item ids and their features, as `assemble` takes them."""


def real(dataset: str, data: Path) -> Given:
    frame = read_split(data / f"amazon-{dataset}" / f"{dataset}.inter.gz")
    items = int(frame["item_id"].cast(int).max()) + 1
    spectral = data / f"amazon-{dataset}" / "spectral_768.npy"
    vectors = np.load(spectral).astype(np.float32) if spectral.exists() else gaussian(items)
    return frame, [str(row) for row in range(len(vectors))], vectors


def gaussian(items: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((items, WIDTH), dtype=np.float32)


def synthetic(users: int, items: int, pairs: int) -> Given:
    """Popularity falls as 1/rank^0.7, histories are about equally long, a tenth each goes to valid and test."""
    generator = np.random.default_rng(0)
    weights = np.arange(1, items + 1) ** -0.7
    drawn = generator.choice(items, size=pairs, p=weights / weights.sum())
    owners = generator.permutation(np.arange(pairs) % users)
    split = np.array(["train", "valid", "test"])[generator.choice(3, size=pairs, p=(0.8, 0.1, 0.1))]
    frame = pl.DataFrame({"user_id": owners.astype(str), "item_id": drawn.astype(str), "split": split})
    frame = frame.unique(["user_id", "item_id"], maintain_order=True)
    return frame, [str(row) for row in range(items)], gaussian(items)


def measure(name: str, source: Given, clock: Clock, *, exact: bool, epochs: int) -> list[str]:
    chosen = configuration(ALIGNREC, "exact" if exact else "default").changed(training={"epochs": epochs})
    training = chosen.training
    made: dict[str, RecData | AlignRec] = {}

    def set_up() -> None:
        data = assemble(*source)
        made["data"] = data
        made["model"] = chosen.build(data)

    setup = timed(clock, set_up)
    data, model = made["data"], made["model"]
    evaluation = timed(clock, lambda: ranked(model.embeddings(), data.train, data.valid, training.ks))
    records = fit(model, data, training, Hooks(clock=clock), test=False).epochs
    train = [float(str(record["seconds_train"])) for record in records]
    batch_size = training.batch(len(data.train.items))
    steps = Sampler.of(data.train).batches(batch_size)
    limit = products_alone(model, data, batch_size, clock) * steps
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    kind = "--exact" if exact else "default"
    row = [
        name, kind, f"{data.n_users:,}", f"{data.n_items:,}", f"{len(data.train.items):,}", f"{setup:.2f}",
        f"{np.median(train):.2f}", f"{min(train):.2f}", f"{evaluation:.2f}", f"{limit:.2f}", f"{memory:.2f}",
    ]  # fmt: skip
    print("| " + " | ".join(row) + " |", flush=True)
    return shares(model, data, batch_size, f"{name}, {kind}")


def measure_steps(name: str, source: Given, clock: Clock, *, steps: int, batch_size: int | None) -> str:
    """Return a row: the median of a few steps, and what an epoch of them comes to."""
    chosen = configuration(ALIGNREC).changed({"item_graph": False}, {"batch_size": batch_size})
    data = assemble(*source)
    model, batch = chosen.build(data), chosen.training.batch(len(data.train.items))
    model.item_graph = linear_map(Csr.from_scipy(normalized_neighbors(drawn_neighbors(data.n_items))))
    optimizer, sampler = torch.optim.Adam(model.weights.parameters(), fused=True), Sampler.of(data.train)
    batches = itertools.islice(sampler.epoch(batch, np.random.default_rng(0)), steps + 1)
    seconds = [timed(clock, partial(one_step, model, optimizer, triples)) for triples in batches]
    median, in_epoch = float(np.median(seconds[1:])), sampler.batches(batch)
    return f"| {name} | {batch:,} | {median:.3f} | {in_epoch} | {median * in_epoch:.1f} |"


def drawn_neighbors(items: int, k: int = 10) -> Neighbors:
    generator = np.random.default_rng(0)
    others = generator.integers(0, items, (items, k - 1))
    return Neighbors(np.column_stack([np.arange(items), others]), generator.uniform(0.1, 1, (items, k)))


def one_step(model: AlignRec, optimizer: torch.optim.Optimizer, triples: Triples) -> None:
    optimizer.zero_grad()
    torch.stack(list(model.losses(triples).values())).sum().backward()
    optimizer.step()


def products_alone(model: AlignRec, data: RecData, batch_size: int, clock: Clock) -> float:
    """Seconds of one step's sparse and dense products, forwards and backwards, with nothing around them."""
    learned = model.weights.state_dict()
    ids, options = learned["ids"], model.options
    items, features = ids[model.n_users :], learned.get("features", model.features)
    weight, grad = learned["project.weight"].to(features.dtype), items.to(features.dtype)
    rows = min(batch_size, options.contrast or batch_size)
    groups = batch_size / rows
    contrast = torch.randn(rows, options.dim)
    targets = model.units[torch.randint(len(model.units), (rows,))]
    side = torch.randn(rows, rows)

    varied = items.clone().requires_grad_()
    touched, _ = next(Sampler.of(data.train).epoch(batch_size, np.random.default_rng(0))).rows(model.n_users)
    of_rows = [(matrix, dense, matrix.transposed(), torch.randn(matrix.height, options.dim)) for matrix, dense in
               ((model.graph.rows(touched), ids), (model.spread.rows(touched), items))]  # fmt: skip

    def sparse() -> None:
        for _ in range(2 * (options.layers - 1)):
            model.graph.dot(ids)
        for matrix, dense, transposed, gradient in of_rows:
            matrix.dot(dense)
            transposed.dot(gradient)
        model.item_graph(varied).backward(items)

    def dense() -> None:
        features @ weight
        features.T @ grad
        if options.trainable_features:
            grad @ weight.T

    def contrasted() -> None:
        contrast @ contrast.T
        side @ contrast
        side.T @ contrast

    def gram() -> None:
        smaller = targets if targets.shape[1] <= len(targets) else targets.T
        smaller.T @ smaller

    once = [timed(clock, work, 3) for work in (sparse, dense, gram)]
    return sum(once) + 2 * groups * timed(clock, contrasted, 3)


def shares(model: AlignRec, data: RecData, batch_size: int, title: str) -> list[str]:
    """Return the operations that take most of the processor's time over ten steps."""
    from torch.profiler import ProfilerActivity, profile

    optimizer = torch.optim.Adam(model.weights.parameters(), fused=True)
    batches = list(Sampler.of(data.train).epoch(batch_size, np.random.default_rng(0)))[:10]
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for batch in batches:
            one_step(model, optimizer, batch)
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    top = [f"{event.key} {event.self_cpu_time_total / total:.0%}" for event in events[:8]]
    return [f"- {title}: {', '.join(top)}"]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--sizes", action="store_true", help="synthetic data of growing size too")
    parser.add_argument(
        "--one", help="one case only, 'NAME' or 'NAME exact': a process of its own for its memory"
    )
    parser.add_argument("--steps", type=int, help="with --one: time so many steps instead of epochs")
    parser.add_argument("--batch-size", type=int, help="with --steps: what a step has instead of the default")
    return parser.parse_args()


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    if options.one:
        name, _, kind = options.one.partition(" ")
        source = synthetic(*SIZES[name]) if name in SIZES else real(name, options.data)
        if options.steps:
            print("| data | pairs a step | a step, s | steps | an epoch, s |\n|---|---|---|---|---|")
            few = {"steps": options.steps, "batch_size": options.batch_size}
            print(measure_steps(name, source, CLOCKS[options.clock], **few))
            return
        print(
            "\n".join(
                measure(name, source, CLOCKS[options.clock], exact=kind == "exact", epochs=options.epochs)
            )
        )
        return
    cases = [case for case in ("baby exact", "baby", "sports exact", "sports") if present(case, options.data)]
    if options.sizes:
        cases += list(SIZES)
    print(
        f"{platform.processor() or platform.machine()}, {options.threads} threads, {options.clock} clock, "
        f"torch {torch.__version__}"
    )
    print(f"the authors' code on such a machine, Baby: {AUTHORS} seconds\n")
    print("| data | mode | users | items | train pairs | set-up s | epoch s (median) | epoch s (least) "
          "| evaluation s | products alone, an epoch, s | peak GiB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    notes = []
    for case in cases:
        arguments = [
            "--one",
            case,
            "--threads",
            str(options.threads),
            "--epochs",
            str(options.epochs),
            "--clock",
            options.clock,
        ]
        done = subprocess.run(
            [sys.executable, __file__, *arguments, "--data", str(options.data)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            raise SystemExit(done.returncode)
        lines = done.stdout.strip().splitlines()
        print(lines[0], flush=True)
        notes += lines[1:]
    print("\nShares of the processor's time in a step:\n" + "\n".join(notes))


def present(case: str, data: Path) -> bool:
    name = case.partition(" ")[0]
    if not (data / f"amazon-{name}").is_dir():
        print(f"{case}: skipped, no amazon-{name} in {data}")
        return False
    return True


if __name__ == "__main__":
    main()
