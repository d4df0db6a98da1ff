"""`align` of a synthetic catalog of a million items: how long, and how much memory at most.

    python benchmarks/align_large.py [--items 1000000] [--dim 1024] [--pairs 100000000] [--rank 128]

Items belong to drawn kinds, users buy mostly of a few kinds; content is the kind's direction in much noise. What is
timed is `alignment.fit`: choosing on inner folds, learning on all, mapping. The bound on memory is that of the docs:
3 · n · d · 4 bytes, the Gram matrix, and 1 GiB, the interactions beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from places import RUNS

from featurizer.alignment.fit import fit
from featurizer.alignment.options import AlignOptions
from featurizer.interactions.user_items import UserItems

BLOCK = 100_000
EACH = 100
"""Items a user."""


def content(items, dim, kinds, seed=0):
    """Kinds and noise, made block by block: the content itself is all that is held."""
    draw = np.random.default_rng([seed, 0])
    centers = draw.standard_normal((kinds, dim), np.float32)
    own = draw.integers(0, kinds, items)
    vectors = np.empty((items, dim), np.float32)
    for start in range(0, items, BLOCK):
        rows = slice(start, start + BLOCK)
        draw.standard_normal(out=vectors[rows], dtype=np.float32)
        vectors[rows] *= 3
        vectors[rows] += centers[own[rows]]
    return vectors, own


def bought(pairs, own, kinds, seed=0):
    """Half of a user's items are of the user's kind, half of any."""
    draw = np.random.default_rng([seed, 1])
    users, n = max(1, pairs // EACH), len(own)
    order = np.argsort(own, kind="stable")
    starts = np.searchsorted(own[order], np.arange(kinds + 1))
    items = np.empty((users, EACH), np.int32)
    for start in range(0, users, BLOCK):
        rows = items[start : start + BLOCK]
        kind = draw.integers(0, kinds, (len(rows), 1))
        within = draw.random((len(rows), EACH // 2)) * (starts[kind + 1] - starts[kind])
        rows[:, : EACH // 2] = order[starts[kind] + within.astype(np.int64)]
        rows[:, EACH // 2 :] = draw.integers(0, n, (len(rows), EACH - EACH // 2))
    items.sort(axis=1)
    fresh = np.ones(items.shape, bool)
    fresh[:, 1:] = items[:, 1:] != items[:, :-1]
    ends = np.concatenate([[0], np.cumsum(fresh.sum(1))]).astype(np.int64)
    return UserItems(ends, items[fresh], n)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--pairs", type=int, default=100_000_000)
    parser.add_argument("--rank", type=int, default=128)
    parser.add_argument("--kinds", type=int, default=2000)
    options = parser.parse_args()
    vectors, own = content(options.items, options.dim, options.kinds)
    train = bought(options.pairs, own, options.kinds)
    begun = time.time(), time.process_time()
    learned = fit(
        [(vectors, np.ones(options.items, bool))],
        train,
        AlignOptions(ranks=(options.rank,), width=options.dim),
    )
    bound = 3 * vectors.nbytes + 8 * options.dim**2 + 2**30
    found = {
        "items": options.items,
        "dim": options.dim,
        "pairs": len(train.items),
        "rank": options.rank,
        "minutes": round((time.time() - begun[0]) / 60, 2),
        "processor_minutes": round((time.process_time() - begun[1]) / 60, 2),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "bound_gib": round(bound / 2**30, 2),
        "choice": repr(learned.choice),
    }
    options.runs.mkdir(parents=True, exist_ok=True)
    (options.runs / "align_large.json").write_text(json.dumps(found, indent=2))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
