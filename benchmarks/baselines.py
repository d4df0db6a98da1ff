"""Accuracy on the real splits, chosen on validation, a line a run and seed, results as they come.

    python benchmarks/baselines.py [--run DATASET/NAME] [--seeds N] [--data DIR] [--runs DIR] [--out DIR]

Hours on two cores for all of it. Finished runs stand in OUT/runs.jsonl and are not repeated; OUT/accuracy.md is
written anew from them, with `--seeds 0` without training anything. Where the data is absent it says so and does
nothing. Baby's features are `spectral_768.npy`, a spectral embedding of the field's neighbor graphs: a stand-in
for content features, and labeled so; those of Sports are made by `sports.py`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from accuracy_runs import RUNS as ALL
from accuracy_runs import Run, configuration_of, rows_of
from accuracy_tables import tables
from places import DATA, RESULTS, RUNS
from splits import load

from featurizer.memory import keep_freed_memory
from featurizer.recsys.data import RecData
from featurizer.recsys.fit import fit
from featurizer.recsys.registry import load_recommender


def measure(run: Run, seed: int, data: RecData) -> dict[str, object]:
    configuration = configuration_of(run, seed)
    fitted = fit(configuration.build(data), data, configuration.training)
    curve = {
        row["epoch"]: round(row["valid_recall@20"], 5) for row in fitted.epochs if "valid_recall@20" in row
    }
    return {
        "run": run.name,
        "dataset": run.dataset,
        "seed": seed,
        "best_epoch": fitted.best_epoch,
        "valid": fitted.valid,
        "test": fitted.test,
        "seconds_train": sum(row["seconds_train"] for row in fitted.epochs),
        "seconds_valid": sum(row.get("seconds_valid", 0) for row in fitted.epochs),
        "curve": curve,
        "loss": [round(row["loss"], 3) for row in fitted.epochs],
        **configuration.record(),
        "torch": torch.__version__,
    }


def finished(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def due(options: argparse.Namespace, log: Path) -> Iterator[tuple[Run, int]]:
    """Yield the runs and seeds that are asked for and not finished."""
    for run in ALL:
        if options.run not in (None, run.title):
            continue
        if not (options.data / f"amazon-{run.dataset}").is_dir():
            print(f"{run.title}: skipped, no amazon-{run.dataset} in {options.data}")
            continue
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            if not any(row["seed"] == seed for row in rows_of(run, finished(log))):
                yield run, seed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", choices=[run.title for run in ALL], help="one run alone")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--runs", type=Path, default=RUNS, help="where made features are kept")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    log = options.out / "runs.jsonl"
    options.out.mkdir(parents=True, exist_ok=True)
    loaded: dict[tuple[str, bool], RecData] = {}
    for run, seed in due(options, log):
        case = run.dataset, load_recommender(run.model).needs_features
        if case not in loaded:
            loaded[case] = load(run.dataset, options.data, options.runs, with_features=case[1])
        row = measure(run, seed, loaded[case])
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        found = f"valid {row['valid']['recall@20']:.4f}, test {row['test']['recall@20']:.4f}"
        seconds = row["seconds_train"] + row["seconds_valid"]
        print(
            f"{run.title}, seed {seed}: {found}, best epoch {row['best_epoch']}, {seconds:.0f} s", flush=True
        )
    text = "\n".join(tables(finished(log))) + "\n"
    (options.out / "accuracy.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
