"""Scores of real data: Amazon Baby's neighbor graphs as features, and MiniLM on the words of Amazon Sports.

    python benchmarks/scoring_real.py [--data DIR] [--runs DIR]

Baby: the 10-nearest-neighbor graphs of the field's text and image features as spectral embeddings
(`spectral_768.npy`; a stand-in, the features themselves are not to be had). Sports: `sports.py`. Random vectors
beside both. The first run encodes 18,204 texts, which takes minutes; then every figure comes within a minute or two.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from places import DATA, RUNS
from sports import feature_set

from featurizer.encoders.device import halves_pay
from featurizer.features.arrays import ArraySpace, write_arrays
from featurizer.interactions.store import read_split
from featurizer.results.files import file_sha256
from featurizer.scoring.document import GEOMETRIES, parse_scores
from featurizer.scoring.evaluation_data import EvaluationOptions, evaluation_data
from featurizer.scoring.leaderboard import leaderboard, steps
from featurizer.scoring.score import ScoreStage, score
from featurizer.scoring.scorer import ScoreOptions
from featurizer.scoring.spaces import open_candidates

DIAGNOSTICS = ("effective_rank", "hubness", "co_purchase", "co_purchase_random", "cka")


def baby(data: Path, runs: Path) -> Path:
    """Write the two graphs' embeddings as a feature set; an item's id is its row."""
    vectors = np.load(data / "amazon-baby" / "spectral_768.npy").astype(np.float32)
    spaces = [
        ArraySpace("graph_text", "text", vectors[:, :384], provenance={"source": "spectral embedding"}),
        ArraySpace("graph_image", "image", vectors[:, 384:], provenance={"source": "spectral embedding"}),
    ]
    ids, source = [str(row) for row in range(len(vectors))], {"name": "Amazon Baby: neighbor graphs"}
    write_arrays(runs / "baby" / "features", ids, spaces, source=source, overwrite=True)
    return runs / "baby" / "features"


def random(ids: list[str], folder: Path) -> Path:
    noise = np.random.default_rng(0).standard_normal((len(ids), 384)).astype(np.float32)
    write_arrays(folder, ids, [ArraySpace("noise", "both", noise)], overwrite=True)
    return folder


def scored(name: str, features: Path, interactions: Path, runs: Path, item_map: Path | None) -> None:
    from featurizer.features.feature_set import FeatureSet

    begun = time.perf_counter()
    noise = random(FeatureSet.open(features).item_ids(), runs / name / "random")
    candidates, shared = open_candidates([features, noise])
    evaluation = evaluation_data(read_split(interactions, item_map=item_map), shared, EvaluationOptions())
    options = ScoreOptions(halves=halves_pay("cpu"))
    inputs = {"interactions": file_sha256(interactions)}
    stage = ScoreStage(
        runs / name / "scores",
        candidates,
        (),
        ("auto", "none", "whiten"),
        ("zero-shot", "item-cf", "diagnostics"),
        options,
        inputs,
        overwrite=True,
    )
    found = score(stage, evaluation)
    document = parse_scores(found)
    board = leaderboard(document.scores)
    print(f"\n## {name}: {len(shared):,} items, {evaluation.counts['test_users']:,} users on test\n")
    print("| " + " | ".join(board.header) + " | " + " | ".join(DIAGNOSTICS) + " |")
    print("|---" * (len(board.header) + len(DIAGNOSTICS)) + "|")
    for row in board.rows:
        mine = {
            one["metric"].removeprefix("diagnostic_"): f"{one['value']:.3g}"
            for one in found["scores"]
            if (one["feature_set"], one["space"], GEOMETRIES.get(one["transform"])) == row[:3]
        }
        print("| " + " | ".join([*row, *(mine.get(key, "-") for key in DIAGNOSTICS)]) + " |")
    print("\n" + "\n".join(f"- {line}" for line in steps(board, document.comparisons)))
    print(f"\n{time.perf_counter() - begun:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--only", choices=("baby", "sports"))
    options = parser.parse_args()
    if options.only != "sports":
        folder = options.data / "amazon-baby"
        scored("baby", baby(options.data, options.runs), folder / "baby.inter.gz", options.runs, None)
    if options.only != "baby":
        folder = options.data / "amazon-sports"
        made = feature_set(folder, options.runs).folder
        mapping = folder / "i_id_mapping.csv"
        scored("sports", made, folder / "sports.inter.gz", options.runs, mapping)


if __name__ == "__main__":
    main()
