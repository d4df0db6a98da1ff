"""`featurizer train`: a feature set and interactions become a recommender and its figures."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from featurizer.cli.console import progress, result, result_json, say, table
from featurizer.errors import InputError

if TYPE_CHECKING:
    from featurizer.features.feature_set import FeatureSet
    from featurizer.records import Json
    from featurizer.recsys.data import RecData
    from featurizer.recsys.options import ModelOptions, TrainOptions
    from featurizer.recsys.tune import Trial


Number = TypeVar("Number", bool, int, float)


class Model(StrEnum):
    """Which recommender."""

    alignrec = "alignrec"
    lightgcn = "lightgcn"
    bpr = "bpr"
    vbpr = "vbpr"
    freedom = "freedom"


class Search(StrEnum):
    """How --tune searches."""

    random = "random"
    grid = "grid"


def train(
    features: Annotated[Path, typer.Argument(help="A feature set folder.", metavar="FEATURES")],
    interactions: Annotated[
        Path, typer.Option("--interactions", "-i", help="Split interactions: .parquet, .csv, .tsv or .inter.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the model and its vectors into.")],
    space: Annotated[
        str | None,
        typer.Option(help="The space to learn from; a+b joins two.  [default: unified, or the only one]"),
    ] = None,
    model: Annotated[Model, typer.Option(help="Which recommender.")] = Model.alignrec,
    exact: Annotated[bool, typer.Option("--exact", help="AlignRec as its authors compute it.")] = False,
    moving_target: Annotated[
        bool | None,
        typer.Option(
            help="Whether REG's target moves with trainable features.  [default: only with --exact]",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Train pairs a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Adam's, in the first epoch.")] = None,
    alpha: Annotated[float | None, typer.Option(min=0, help="Weight of content-id alignment.")] = None,
    lambda_: Annotated[
        float | None, typer.Option("--lambda", min=0, help="Weight of the similarity regularisation.")
    ] = None,
    uia: Annotated[float | None, typer.Option(min=0, help="Weight of user-item alignment.")] = None,
    l2: Annotated[float | None, typer.Option(min=0, help="Weight of the L2 term.")] = None,
    neighbours: Annotated[
        int | None, typer.Option(min=1, help="Neighbours an item has in the item graph, itself included.")
    ] = None,
    item_graph: Annotated[bool, typer.Option(help="The graph between items; off for an ablation.")] = True,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many evaluations without a better one.")
    ] = None,
    evaluate_every: Annotated[int | None, typer.Option(min=1, help="Epochs between evaluations.")] = None,
    k: Annotated[list[int] | None, typer.Option("-k", min=1, help="List length; repeat for more.")] = None,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds.")] = 1,
    tune: Annotated[
        bool, typer.Option("--tune", help="Search hyper-parameters on validation first.")
    ] = False,
    search: Annotated[Search, typer.Option(help="How --tune searches.")] = Search.random,
    trials: Annotated[int, typer.Option(min=1, help="Trials of a random search.")] = 12,
    item_map: Annotated[
        Path | None, typer.Option(help="asin ↔ itemID, for a file that numbers its items.")
    ] = None,
    min_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of train pairs whose items have a feature.")
    ] = 0.5,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:I.")] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model of another configuration.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a recommender on item features, choose its epoch on validation, report it on test.

    Example: featurizer train ./features --interactions ./catalog/interactions.parquet --out ./model
    """
    from featurizer.encoders.device import resolve_device
    from featurizer.features.feature_set import FeatureSet
    from featurizer.interactions.store import read_split
    from featurizer.recsys.content import default_space, read_features
    from featurizer.recsys.data import assemble
    from featurizer.recsys.presets import preset
    from featurizer.recsys.train import TrainStage
    from featurizer.recsys.train import train as run

    if exact and model is not Model.alignrec:
        raise InputError(f"--exact is AlignRec's; {model.value} has no other form. Leave one of the two out")
    opened = FeatureSet.open(features)
    chosen = space or default_space(opened)
    data = assemble(
        read_split(interactions, item_map=item_map), read_features(opened, chosen), min_coverage=min_coverage
    )
    form, training = preset(model.value, exact=exact)
    form = replace(
        form,
        item_graph=item_graph,
        moving_target=_or(moving_target, form.moving_target),
        alpha=_or(alpha, form.alpha),
        reg=_or(lambda_, form.reg),
        uia=_or(uia, form.uia),
        l2=_or(l2, form.l2),
        neighbours=_or(neighbours, form.neighbours),
    )
    training = replace(
        training,
        seed=seed,
        device=resolve_device(device),
        ks=tuple(k) if k else training.ks,
        epochs=_or(epochs, training.epochs),
        batch_size=_or(batch_size, training.batch_size),
        learning_rate=_or(learning_rate, training.learning_rate),
        patience=_or(patience, training.patience),
        evaluate_every=_or(evaluate_every, training.evaluate_every),
    )
    inputs = _inputs(opened, chosen, interactions, item_map)
    _say_data(data, chosen)
    if tune:
        from featurizer.recsys.tune import applied

        found = _tune(data, (form, training), (search.value, trials), out, inputs, overwrite=overwrite)
        form, training = applied(found[0].values, form, training)
    stage = TrainStage(out, form, training, seeds, inputs, overwrite)
    with progress() as report:
        summary = run(stage, data, report)
    if as_json:
        result_json({name: value for name, value in summary.items() if name != "config"})
    else:
        _print(summary, out)


def _or(given: Number | None, otherwise: Number) -> Number:
    return otherwise if given is None else given


def _inputs(features: FeatureSet, space: str, interactions: Path, item_map: Path | None) -> dict[str, Json]:
    from featurizer.manifest import file_sha256

    return {
        "features": features.manifest.get("fingerprint"),
        "space": space,
        "interactions": file_sha256(interactions),
        "item_map": file_sha256(item_map) if item_map else None,
    }


def _say_data(data: RecData, space: str) -> None:
    from featurizer.recsys.train import describe

    found = describe(data)
    say(
        f"{found['users']:,} users, {found['items']:,} items, {found['train']:,} train pairs, space {space}: "
        f"{data.covered:.1%} of the train pairs have a feature"
    )
    if found["items_without_features"]:
        absent = data.absent_items
        named = f" ({', '.join(absent[:5])}{', …' if len(absent) > 5 else ''})" if absent else ""
        say(
            f"{found['items_without_features']:,} items have no feature and learn from ids alone; "
            f"{len(absent):,} of them are not in the feature set{named}"
        )
    if found["users_without_train_items"]:
        say(f"{found['users_without_train_items']:,} users have no train items and are not ranked for")


def _tune(
    data: RecData,
    options: tuple[ModelOptions, TrainOptions],
    search: tuple[Literal["grid", "random"], int],
    out: Path,
    inputs: dict[str, Json],
    *,
    overwrite: bool,
) -> list[Trial]:
    from featurizer.recsys.tune import tuned_stage

    with progress() as report:
        found = tuned_stage(data, options, search, out / "tune", inputs, report, overwrite=overwrite)
    names = list(found[0].values)
    rows = [[*(trial.values[name] for name in names), trial.best_epoch, trial.valid] for trial in found]
    say(table([*names, "best epoch", "valid recall@20"], rows))
    return found


def _print(summary: dict[str, Json], out: Path) -> None:
    seeds, over = summary["seeds"], summary["over_seeds"]
    assert isinstance(seeds, list)
    assert isinstance(over, dict)
    result(f"{out}: {summary['model']}, best epoch {summary['best_epoch']}, {summary['seconds']} s")
    rows: list[list[object]] = []
    valid, test = over["valid"], over["test"]
    assert isinstance(valid, dict)
    assert isinstance(test, dict)
    for name in valid:
        cells = [part[name] for part in (valid, test)]
        rows.append([name, *(value for cell in cells if isinstance(cell, dict) for value in cell.values())])
    result(table(["mean over seeds", "valid", "sd", "test", "sd "], rows))
    groups = summary["groups"]
    assert isinstance(groups, list)
    result("\ntest Recall@20 by group")
    result(
        table(
            ["group", "users", "positives", "recall@20"],
            [list(group.values()) for group in groups if isinstance(group, dict)],
        )
    )
    if len(seeds) > 1:
        say(f"{len(seeds)} seeds; the model kept is the best on validation, seed {summary['seed']}")
