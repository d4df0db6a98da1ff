"""The tables of docs/results/accuracy.md, from the rows of finished runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from accuracy_runs import RUNS, Run, rows_of

AUTHORS = (
    0.0699, 0.0711, 0.0712, 0.0682, 0.0664, 0.0644, 0.0616, 0.0611, 0.0625, 0.0686, 0.0748, 0.0814, 0.0859,
    0.0885, 0.0909, 0.0928, 0.0941, 0.0948, 0.0949, 0.0953, 0.0950, 0.0945, 0.0949, 0.0951, 0.0948,
)  # fmt: skip
"""Validation Recall@20 by epoch of AlignRec's authors' code, run once on Baby with the options of --exact."""


def spread(values: list[float]) -> str:
    return f"{np.mean(values):.4f}" + (f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else "")


def options_text(row: dict) -> str:
    model, training = row["model"], row["training"]
    parts = [f"lr {training['learning_rate']:g}", f"batch {training['batch_size']}", f"L2 {model['l2']:g}"]
    if model["name"] in ("lightgcn", "bpr", "freedom", "alignrec"):
        parts.append(f"{model.get('layers', 0)} layers")
    if model["name"] == "alignrec":
        parts += [
            f"α {model['alpha']:g}",
            f"λ {model['reg']:g}",
            f"UIA {model['uia']:g}",
            f"k' {model['neighbors']}",
        ]
    if model["name"] == "freedom":
        parts += [f"keeps {model['keep_edges']:g} of the edges", f"k' {model['neighbors']}"]
    return ", ".join(parts)


def tables(rows: list[dict]) -> Iterator[str]:
    yield "# Accuracy\n"
    yield "Made by `python benchmarks/baselines.py` from `runs.jsonl`: the epoch with the best validation"
    yield "Recall@20, test ranked once at that epoch, train items masked. Mean ± SD over seeds.\n"
    yield "Features on Baby: `spectral_768.npy`, a spectral embedding of neighbor graphs, a stand-in"
    yield "for content features. On Sports: words of brand and category through `minilm`, joined with a spectral"
    yield "embedding of the image graph, a stand-in for image features (`sports.py`).\n"
    yield from results(rows)
    yield from comparisons(rows)
    yield from reached(rows)
    yield from curves(rows)


def results(rows: list[dict]) -> Iterator[str]:
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


def comparisons(rows: list[dict]) -> Iterator[str]:
    """AlignRec less each other run, seed by seed."""
    lines = [line for run in RUNS for line in compared(run, rows)]
    if lines:
        yield "\n## AlignRec against the others, paired over seeds\n"
        yield "Test Recall@20 of `alignrec` less that of the other under the same seed; t = mean / SE.\n"
        yield "| data | against | seeds | mean difference | SE | t |"
        yield "|---|---|---|---|---|---|"
        yield from lines


def compared(run: Run, rows: list[dict]) -> Iterator[str]:
    alignrec = next((one for one in RUNS if one.title == f"{run.dataset}/alignrec"), run)
    if run.exact or run == alignrec:
        return
    ours, theirs = (
        {row["seed"]: row["test"]["recall@20"] for row in rows_of(one, rows)} for one in (alignrec, run)
    )
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return
    differences = np.array([ours[seed] - theirs[seed] for seed in seeds])
    error = differences.std(ddof=1) / len(seeds) ** 0.5 if len(seeds) > 1 else None
    shown = "– | –" if error is None else f"{error:.4f} | {differences.mean() / error:.1f}"
    yield f"| {run.dataset} | {run.name} | {len(seeds)} | {differences.mean():+.4f} | {shown} |"


def reached(rows: list[dict]) -> Iterator[str]:
    """When the default stands where the authors' code stood at its best."""
    best, title = max(AUTHORS), "baby/alignrec"
    mine = [row for run in RUNS if run.title == title for row in rows_of(run, rows)]
    first = [
        (row, next((int(e) for e, value in row["curve"].items() if value >= best), None)) for row in mine
    ]
    if not first:
        return
    yield f"\n## Time to the authors' best, validation Recall@20 {best:.4f} on Baby\n"
    yield "Theirs: 20 epochs of about 28 s on two cores. `alignrec`, one thread of a machine at other work too:\n"
    yield "| seed | epoch | seconds, evaluations included |"
    yield "|---|---|---|"
    for row, epoch in first:
        whole = row["seconds_train"] + row["seconds_valid"]
        shown = "never | –" if epoch is None else f"{epoch} | {whole * epoch / len(row['loss']):.0f}"
        yield f"| {row['seed']} | {shown} |"


def curves(rows: list[dict]) -> Iterator[str]:
    yield "\n## Validation Recall@20 by epoch, `--exact`\n"
    yield f"- the authors' code, run once: {in_figures(AUTHORS)}"
    for run in RUNS:
        lines = [list(row["curve"].values()) for row in rows_of(run, rows) if run.exact]
        if lines:
            size = min(len(AUTHORS), *map(len, lines))
            mean = np.mean([line[:size] for line in lines], axis=0)
            apart = np.abs(mean - AUTHORS[:size]).max()
            yield (
                f"- `{run.name}`, mean of {len(lines)} seeds: {in_figures(mean)}; largest distance {apart:.4f}, "
                f"of the best {abs(mean.max() - max(AUTHORS)):.4f}"
            )


def in_figures(curve: Sequence[float]) -> str:
    return " ".join(f"{value:.4f}" for value in curve)
