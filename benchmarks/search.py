"""The random search behind a model's shipped options: trials on validation, no test item ranked.

    python benchmarks/search.py MODEL [--dataset baby] [--trials 12] [--epochs N] [--grid NAME=V,V …]
                                [--runs DIR] [--out DIR]

Finished trials stand in RUNS/search-DATASET-MODEL and are not repeated; the table is written to OUT when all
are done.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from places import DATA, RESULTS, RUNS
from splits import load

from featurizer.memory import keep_freed_memory
from featurizer.recsys.configuration import Configuration, configuration
from featurizer.recsys.registry import load_recommender, recommenders
from featurizer.recsys.tune import Trial, tune


def table(
    configuration: Configuration, grid: Mapping[str, Sequence[float]], dataset: str, trials: list[Trial]
) -> Iterator[str]:
    names, training = list(trials[0].values), configuration.training
    yield f"# Search: {configuration.recommender.name} on {dataset}\n"
    yield "Made by `python benchmarks/search.py`. The grid:\n"
    for name, values in grid.items():
        yield f"- {name}: {', '.join(f'{value:g}' for value in values)}"
    yield f"\n{len(trials)} points of it, drawn under seed 0, each trained under seed 0 for at most {training.epochs}"
    yield f"epochs, evaluated every {training.evaluate_every}, stopped after {training.patience} evaluations without a"
    yield "better one. Best validation Recall@20 first; no test item was ranked.\n"
    yield f"| {' | '.join(names)} | best epoch | valid R@20 |"
    yield "|---" * (len(names) + 2) + "|"
    for trial in trials:
        values = " | ".join(f"{trial.values[name]:g}" for name in names)
        yield f"| {values} | {trial.best_epoch} | {trial.valid:.4f} |"


def parsed(text: str) -> tuple[str, tuple[float, ...]]:
    name, _, values = text.partition("=")
    return name, tuple(map(json.loads, values.split(",")))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", choices=list(recommenders()))
    parser.add_argument("--dataset", default="baby")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, help="at most so many a trial")
    parser.add_argument("--grid", action="append", default=[], help="other values, learning_rate=1e-3,5e-3")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    if not (options.data / f"amazon-{options.dataset}").is_dir():
        print(f"skipped, no amazon-{options.dataset} in {options.data}")
        return
    recommender = load_recommender(options.model)
    chosen = configuration(recommender).changed(training={"epochs": options.epochs} if options.epochs else {})
    folder = options.runs / f"search-{options.dataset}-{options.model}"
    grid = dict(recommender.grid) | dict(map(parsed, options.grid))
    data = load(options.dataset, options.data, options.runs)
    inputs = {"dataset": options.dataset}
    trials = tune(folder, chosen, data, grid=grid, trials=options.trials, inputs=inputs)
    text = "\n".join(table(chosen, grid, options.dataset, trials)) + "\n"
    (options.out / f"search-{options.dataset}-{options.model}.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
