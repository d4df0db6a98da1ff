"""The options of `featurizer train`, in groups; what is None takes the model's preset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer


@dataclass(frozen=True)
class DataChoice:
    """What of the two inputs is learned from."""

    space: Annotated[
        str | None,
        typer.Option(help="The space to learn from; a+b joins two.  [default: unified, or the only one]"),
    ] = None
    item_map: Annotated[
        Path | None,
        typer.Option(help="CSV or TSV with asin and itemID, when the interactions number the items."),
    ] = None
    min_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of train pairs whose items have a feature.")
    ] = 0.5


@dataclass(frozen=True)
class ModelChoice:
    """Options that replace those of `ModelOptions`, by the same names."""

    alpha: Annotated[float | None, typer.Option(min=0, help="Weight of content-id alignment (CCA).")] = None
    reg: Annotated[
        float | None, typer.Option("--lambda", min=0, help="Weight of the similarity regularization (REG).")
    ] = None
    uia: Annotated[float | None, typer.Option(min=0, help="Weight of user-item alignment (UIA).")] = None
    l2: Annotated[float | None, typer.Option(min=0, help="Weight of the L2 term.")] = None
    neighbors: Annotated[
        int | None, typer.Option(min=1, help="Neighbors an item has in the item graph, itself included.")
    ] = None
    item_graph: Annotated[
        bool | None,
        typer.Option(
            "--item-graph/--no-item-graph",
            help="The graph between items; off for an ablation.  [default: on]",
            show_default=False,
        ),
    ] = None
    moving_target: Annotated[
        bool | None,
        typer.Option(
            "--moving-target/--no-moving-target",
            help="Whether REG's target moves with trainable features.  [default: only with --exact]",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True)
class TrainChoice:
    """Options that replace those of `TrainOptions`, by the same names."""

    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Train pairs a step.")] = None
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Adam's, in the first epoch.")] = None
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many evaluations without a better one.")
    ] = None
    evaluate_every: Annotated[int | None, typer.Option(min=1, help="Epochs between evaluations.")] = None
    ks: Annotated[
        list[int] | None,
        typer.Option("-k", min=1, help="List length to report; repeat for more.  [default: 10, 20]"),
    ] = None


@dataclass(frozen=True)
class SearchChoice:
    """Whether and how hyper-parameters are searched first."""

    tune: Annotated[bool, typer.Option("--tune", help="Search hyper-parameters on validation first.")] = False
    search: Annotated[Literal["random", "grid"], typer.Option(help="How --tune searches.")] = "random"
    trials: Annotated[int, typer.Option(min=1, help="Trials of a random search.")] = 12


@dataclass(frozen=True)
class RunChoice:
    """Where and how often it runs, and what is printed."""

    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 1
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:I.")] = "auto"
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model of another configuration.")
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
