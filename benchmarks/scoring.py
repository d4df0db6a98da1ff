"""Speed and memory of scoring at the size of Amazon Electronics: zero-shot and item-CF against the products alone.

    python benchmarks/scoring.py [--users N] [--items N] [--threads N] [--clock processor] [--memory 1GiB]

63,001 items × 768 dimensions, 192,403 users, 1.69 M interactions; synthetic. Zero-shot ranks all items for a
sample of the users, and what it would take for all is that times the share: its work is one row of a product a
user, whoever they are. The neighbors are found of a sample of the items, likewise. Yardsticks, measured in the
same run on the same rows: the blocked float32 product alone, the same in bfloat16 where the processor has it, and a
plain NumPy version (dense product, mask, argpartition) on as many users as it can hold. `--clock processor` with
`--threads 1` tells the same on a machine that is busy with other work.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from featurizer.encoders.device import halves_pay
from featurizer.interactions.user_items import UserItems
from featurizer.ranking.cosine import CosineRanks, unit_rows
from featurizer.ranking.item_knn import item_knn_ranks, similarity_matrix
from featurizer.ranking.metrics import recall
from featurizer.ranking.nearest import nearest
from featurizer.ranking.ranks import find_ranks
from featurizer.scoring.memory import parse_memory

WIDTH, ITEMS, USERS, PAIRS = 768, 63_001, 192_403, 1_689_188
K, NEIGHBORS = 20, (10, 20, 50)
CLUSTERS = 2_000
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def synthetic(users: int, items: int, pairs: int) -> tuple[np.ndarray, list[UserItems]]:
    """Items in clusters; users buy in three clusters each, popular items more; a tenth valid, a tenth test."""
    generator = np.random.default_rng(0)
    centers = generator.standard_normal((CLUSTERS, WIDTH), dtype=np.float32)
    cluster = generator.integers(0, CLUSTERS, items)
    vectors = generator.standard_normal((items, WIDTH), dtype=np.float32)
    vectors += centers[cluster]
    order = np.argsort(cluster, kind="stable")
    first = np.searchsorted(cluster[order], np.arange(CLUSTERS + 1))
    owner = generator.integers(0, users, pairs)
    taste = generator.integers(0, CLUSTERS, (users, 3))[owner, generator.integers(0, 3, pairs)]
    size = np.maximum(first[taste + 1] - first[taste], 1)
    place = (generator.random(pairs) ** 2 * size).astype(np.int64)
    bought = order[np.minimum(first[taste] + place, items - 1)]
    label = generator.choice(3, size=pairs, p=(0.8, 0.1, 0.1))
    splits = [
        UserItems.from_pairs(owner[label == value], bought[label == value], n_users=users, n_items=items)
        for value in range(3)
    ]
    return vectors, splits


def of_users(pairs: UserItems, chosen: np.ndarray) -> UserItems:
    inside = np.isin(pairs.users, chosen)
    return UserItems.from_pairs(
        pairs.users[inside], pairs.items[inside], n_users=pairs.n_users, n_items=pairs.n_items
    )


def timed(clock: Callable[[], float], work: Callable[[], object]) -> tuple[float, object]:
    begun = clock()
    found = work()
    return clock() - begun, found


def product(users: int, vectors: np.ndarray, block: int, dtype: torch.dtype) -> Callable[[], None]:
    items = torch.from_numpy(unit_rows(vectors)).to(dtype)
    queries = items[torch.randint(0, len(items), (users,), generator=torch.Generator().manual_seed(0))]
    buffer = torch.empty(block, len(items), dtype=dtype)

    def run() -> None:
        for part in queries.split(block):
            torch.mm(part, items.T, out=buffer[: len(part)])

    return run


def dense(vectors: np.ndarray, train: UserItems, positives: UserItems, users: np.ndarray) -> float:
    """Score as one writes it first: the whole users × items matrix, masked, partitioned."""
    units = unit_rows(vectors).astype(np.float32)
    profiles = np.stack([units[train.items[train.starts[u] : train.starts[u + 1]]].mean(0) for u in users])
    scores = profiles @ units.T
    rows, seen = train.pairs_of(users)
    scores[rows, seen] = -np.inf
    shown = np.argpartition(-scores, K, axis=1)[:, :K]
    hits = positives.contains(users[:, None], shown)
    return float((hits.sum(1) / positives.counts[users]).mean())


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def row(name: str, seconds: float, units: int, whole: int, what: str) -> None:
    print(
        f"| {name} | {units:,} {what} | {seconds:.1f} | {seconds / units * 1e3:.3f} | {seconds / units * whole:,.0f} "
        f"| {peak_gib():.2f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", type=int, default=20_000, help="ranked for, of all")
    parser.add_argument("--items", type=int, default=4_096, help="whose neighbors are found, of all")
    parser.add_argument("--dense", type=int, default=1_000, help="users of the plain NumPy version")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--memory", type=parse_memory, default="512MiB")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = CLOCKS[options.clock]
    print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__}, "
        f"{options.threads} threads, {options.clock} clock\n"
    )
    vectors, (train, valid, test) = synthetic(USERS, ITEMS, PAIRS)
    able = np.flatnonzero((train.counts > 0) & (valid.counts + test.counts > 0))
    chosen = np.sort(np.random.default_rng(1).permutation(able)[: options.users])
    splits = [of_users(pairs, chosen) for pairs in (valid, test)]
    print(f"{len(able):,} of {USERS:,} users have train items and positives; {len(chosen):,} are ranked for")
    halves = halves_pay("cpu")
    print("\n| | of | seconds | ms each | seconds for all | peak GiB |\n|---|---|---|---|---|---|")

    def zero_shot() -> tuple[object, CosineRanks]:
        finder = CosineRanks(vectors, train, K, memory=options.memory, halves=halves)
        return find_ranks(finder, train, splits, K, block=finder.block), finder

    ours, (ranks, finder) = timed(clock, zero_shot)
    row("zero-shot, valid and test", ours, len(chosen), len(able), "users")
    block = finder.block
    del finder
    near_seconds = neighbors(clock, vectors, options)
    knn_seconds = item_knn(clock, vectors, train, splits, len(chosen), len(able))
    sample = min(len(chosen), 4 * block)
    alone, _ = timed(clock, product(sample, vectors, block // 2, torch.float32))
    row("product alone, float32", alone, sample, len(able), "users")
    if halves:
        half, _ = timed(clock, product(sample, vectors, block, torch.bfloat16))
        row("product alone, bfloat16", half, sample, len(able), "users")
    few = chosen[test.counts[chosen] > 0][: options.dense]
    plain, mean = timed(clock, lambda: dense(vectors, train, test, few))
    row("plain NumPy, test alone", plain, len(few), len(able), "users")
    kept = np.isin(ranks[1].users, few)
    same = recall(ranks[1].hits, ranks[1].positives, K)[kept].mean()
    print(f"\nRecall@20 of {len(few):,} users, ours and plain NumPy: {same:.6f} and {mean:.6f}")
    limit = alone / sample
    print(f"zero-shot against the float32 product alone: {limit / (ours / len(chosen)):.2f} of its speed")
    both = (ours + knn_seconds) / len(chosen) * len(able) + near_seconds * ITEMS
    rows = limit * (len(able) + ITEMS)
    print(
        f"zero-shot and item-CF for all, {both:,.0f} s, against their products, {rows:,.0f} s: {rows / both:.2f}"
    )


def neighbors(clock: Callable[[], float], vectors: np.ndarray, options: argparse.Namespace) -> float:
    """Return seconds an item to find its 50 nearest."""
    rows = np.arange(options.items)

    def run() -> None:
        nearest(vectors, NEIGHBORS[-1], queries=rows, memory=options.memory, halves=halves_pay("cpu"))

    seconds, _ = timed(clock, run)
    row("50 nearest of an item", seconds, len(rows), ITEMS, "items")
    return seconds / len(rows)


def item_knn(
    clock: Callable[[], float],
    vectors: np.ndarray,
    train: UserItems,
    splits: list[UserItems],
    users: int,
    whole: int,
) -> float:
    """Rank by the item-kNN scores of 10, 20 and 50 neighbors; their number counts here, not which they are."""
    generator = np.random.default_rng(2)
    near = generator.integers(0, ITEMS, (ITEMS, NEIGHBORS[-1]))
    cosines = -np.sort(-generator.random((ITEMS, NEIGHBORS[-1])), axis=1)
    known = np.ones(ITEMS, bool)

    def run() -> None:
        for k in NEIGHBORS:
            finder = item_knn_ranks(similarity_matrix(near[:, :k], cosines[:, :k]), known, train)
            find_ranks(finder, train, splits, K, block=2048)

    seconds, _ = timed(clock, run)
    row("item-CF with 10, 20 and 50, valid and test", seconds, users, whole, "users")
    return seconds


if __name__ == "__main__":
    main()
