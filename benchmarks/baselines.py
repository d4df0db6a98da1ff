"""Accuracy on the real splits, chosen on validation, a line a run and seed, results as they come.

    python benchmarks/baselines.py [--data DIR] [--only TEXT] [--seeds N] [--out DIR]

Finished runs stand in OUT/runs.jsonl and are not repeated; OUT/accuracy.md is written anew from them.
Where the data is absent it says so and does nothing. Baby's features are `spectral_768.npy`, a spectral
embedding of the field's neighbour graphs: a stand-in for content features, and labelled so.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from featurizer.interactions.store import read_split
from featurizer.recsys.build import build
from featurizer.recsys.data import ItemFeatures, RecData, assemble
from featurizer.recsys.fit import fit
from featurizer.recsys.presets import preset

HERE = Path(__file__).parent.parent
DATA = Path(os.environ.get("FEATURIZER_SHARED", HERE.parent / "shared")) / "data"


@dataclass(frozen=True)
class Run:
    """One row of the table: a model's preset with some options changed."""

    name: str
    dataset: str
    model: str
    exact: bool = False
    form: dict[str, object] = field(default_factory=dict)
    training: dict[str, object] = field(default_factory=dict)


CURVE = {"epochs": 25}
RUNS = [
    Run("lightgcn", "baby", "lightgcn"),
    Run("lightgcn, lr 0.002", "baby", "lightgcn", training={"learning_rate": 2e-3}),
    Run("lightgcn, lr 0.001", "baby", "lightgcn", training={"learning_rate": 1e-3}),
    Run("bpr", "baby", "bpr"),
    Run("vbpr", "baby", "vbpr"),
    Run("freedom", "baby", "freedom"),
    Run("alignrec", "baby", "alignrec"),
    Run("alignrec --exact", "baby", "alignrec", exact=True, training=CURVE),
    Run(
        "alignrec --exact --no-moving-target",
        "baby",
        "alignrec",
        exact=True,
        form={"moving_target": False},
        training=CURVE,
    ),
    Run("alignrec without CCA", "baby", "alignrec", form={"alpha": 0.0}),
    Run("alignrec without UIA", "baby", "alignrec", form={"uia": 0.0}),
    Run("alignrec without REG", "baby", "alignrec", form={"reg": 0.0}),
    Run("alignrec without item graph", "baby", "alignrec", form={"item_graph": False}),
    Run("lightgcn", "sports", "lightgcn"),
    Run("bpr", "sports", "bpr"),
]


def load(dataset: str, data: Path) -> RecData:
    frame = read_split(data / f"amazon-{dataset}" / f"{dataset}.inter.gz")
    features = data / f"amazon-{dataset}" / "spectral_768.npy"
    if features.exists():
        vectors = np.load(features).astype(np.float32)
    else:
        vectors = np.zeros((frame["item_id"].cast(int).max() + 1, 1), np.float32)
    ids = [str(row) for row in range(len(vectors))]
    return assemble(frame, ItemFeatures(ids, vectors, np.ones(len(ids), bool)))


def measure(run: Run, seed: int, data: RecData) -> dict[str, object]:
    form, training = preset(run.model, exact=run.exact)
    form, training = replace(form, **run.form), replace(training, seed=seed, **run.training)
    model = build(data, form, batch_size=training.batch_size, seed=seed, device="cpu")
    fitted = fit(model, data, training)
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
        "model": asdict(form),
        "training": asdict(training),
        "torch": torch.__version__,
    }


def finished(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def same_options(row: dict, run: Run) -> bool:
    form, training = preset(run.model, exact=run.exact)
    asked = {**asdict(replace(form, **run.form)), **asdict(replace(training, **run.training)), "ks": None}
    return {**row["model"], **row["training"], "ks": None, "seed": asked["seed"]} == asked


def rows_of(run: Run, rows: list[dict]) -> list[dict]:
    return [row for row in rows if row["dataset"] == run.dataset and same_options(row, run)]


def spread(values: list[float]) -> str:
    return f"{np.mean(values):.4f}" + (f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else "")


def options_text(row: dict) -> str:
    form, training = row["model"], row["training"]
    parts = [f"lr {training['learning_rate']:g}", f"batch {training['batch_size']}", f"L2 {form['l2']:g}"]
    if form["name"] in ("lightgcn", "bpr", "freedom", "alignrec"):
        parts.append(f"{form['layers']} layers")
    if form["name"] == "alignrec":
        parts += [
            f"α {form['alpha']:g}",
            f"λ {form['reg']:g}",
            f"UIA {form['uia']:g}",
            f"k' {form['neighbours']}",
        ]
    if form["name"] == "freedom":
        parts += [f"keeps {form['keep_edges']:g} of the edges", f"k' {form['neighbours']}"]
    return ", ".join(parts)


def table(rows: list[dict]) -> Iterator[str]:
    yield "# Accuracy\n"
    yield "Made by `python benchmarks/baselines.py` from `runs.jsonl`: the epoch with the best validation"
    yield "Recall@20, test ranked once at that epoch, train items masked. Mean ± SD over seeds.\n"
    yield "Features on Baby: `spectral_768.npy`, a spectral embedding of neighbour graphs, a stand-in"
    yield "for content features.\n"
    yield "| data | run | seeds | best epoch | valid R@20 | test R@20 | test NDCG@20 | options |"
    yield "|---|---|---|---|---|---|---|---|"
    for run in RUNS:
        mine = rows_of(run, rows)
        if mine:
            valid, test, ndcg = (
                spread([row[split][name] for row in mine])
                for split, name in (("valid", "recall@20"), ("test", "recall@20"), ("test", "ndcg@20"))
            )
            epochs = ", ".join(str(row["best_epoch"]) for row in mine)
            yield (
                f"| {run.dataset} | {run.name} | {len(mine)} | {epochs} | {valid} | {test} | {ndcg} "
                f"| {options_text(mine[0])} |"
            )
    yield "\n## Validation Recall@20 by epoch, `--exact`\n"
    curves = defaultdict(list)
    for run in RUNS:
        curves[run.name] += [list(row["curve"].values()) for row in rows_of(run, rows) if run.exact]
    for name, lines in curves.items():
        if lines:
            shortest = min(map(len, lines))
            mean = np.mean([line[:shortest] for line in lines], axis=0)
            yield f"{name}, mean of {len(lines)} seeds: " + " ".join(f"{value:.4f}" for value in mean) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", default="", help="runs whose 'dataset/name' contains this text")
    parser.add_argument("--run", default=None, help="the one run 'dataset/name'")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "docs" / "results")
    options = parser.parse_args()
    log = options.out / "runs.jsonl"
    options.out.mkdir(parents=True, exist_ok=True)
    loaded: dict[str, RecData] = {}
    for run in RUNS:
        name = f"{run.dataset}/{run.name}"
        if options.only not in name or (options.run is not None and options.run != name):
            continue
        if not (options.data / f"amazon-{run.dataset}").is_dir():
            print(f"{name}: skipped, no amazon-{run.dataset} in {options.data}")
            continue
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            if any(row["seed"] == seed for row in rows_of(run, finished(log))):
                continue
            if run.dataset not in loaded:
                loaded[run.dataset] = load(run.dataset, options.data)
            row = measure(run, seed, loaded[run.dataset])
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(
                f"{name}, seed {seed}: valid {row['valid']['recall@20']:.4f}, "
                f"test {row['test']['recall@20']:.4f}, "
                f"best epoch {row['best_epoch']}, {row['seconds_train'] + row['seconds_valid']:.0f} s",
                flush=True,
            )
    text = "\n".join(table(finished(log)))
    (options.out / "accuracy.md").write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
