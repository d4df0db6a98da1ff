"""`featurizer train`: a feature set and interactions become a recommender and its figures."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.command import given, grouped
from featurizer.cli.console import progress, result, result_json, say, table
from featurizer.cli.train_options import DataChoice, ModelChoice, RunChoice, SearchChoice, TrainChoice
from featurizer.recsys.options import ModelName

if TYPE_CHECKING:
    from featurizer.records import Json
    from featurizer.recsys.tune import Trial


@grouped
def train(
    features: Annotated[Path, typer.Argument(help="A feature set folder.", metavar="FEATURES")],
    interactions: Annotated[
        Path, typer.Option("--interactions", "-i", help="Split interactions: .parquet, .csv, .tsv or .inter.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write the model and its vectors into.")],
    *,
    data: DataChoice,
    model: Annotated[ModelName, typer.Option(help="Which recommender.")] = "alignrec",
    exact: Annotated[bool, typer.Option("--exact", help="AlignRec as its authors compute it.")] = False,
    form: ModelChoice,
    pace: TrainChoice,
    search: SearchChoice,
    run: RunChoice,
) -> None:
    """Train a recommender on item features, choose its epoch on validation, report it on test.

    Options without a default take the model's own, found on the validation items of Amazon Baby.

    Example: featurizer train ./features --interactions ./catalog/interactions.parquet --out ./model
    """
    from featurizer.operations.operation import Target, work_of
    from featurizer.operations.train import Train
    from featurizer.recsys.memory import keep_freed_memory
    from featurizer.recsys.summary import describe
    from featurizer.recsys.train import refuse_foreign_folder

    keep_freed_memory()
    refuse_foreign_folder(out)
    asked = {"features": features, "interactions": interactions, "model": model, "exact": exact}
    choices = {**vars(data), **vars(search), "seed": run.seed, "seeds": run.seeds, "device": run.device}
    work = work_of(Train, **asked, **choices, options=given(form), training=given(pace))
    source = work.source()
    read = source.read()
    _say_data(describe(read), source.space)
    with progress() as report:
        made = work.make(Target(out, run.overwrite, report), source, read)
    summary = made.summary
    if made.trials:
        _say_trials(list(made.trials))
    if run.as_json:
        result_json({name: value for name, value in summary.items() if name != "config"})
    else:
        _print(summary, out)
        user = shlex.quote(
            next(user for user, items in zip(read.user_ids, read.train.counts, strict=True) if items)
        )
        say(f"Next: featurizer recommend {shlex.quote(str(out))} --user {user}")


def _say_data(found: dict[str, Json], space: str) -> None:
    say(
        f"{found['users']:,} users, {found['items']:,} items, {found['train']:,} train pairs, space {space}: "
        f"{found['coverage']:.1%} of the train pairs have a feature"
    )
    absent = found["items_not_in_feature_set_such_as"]
    assert isinstance(absent, list)
    notes = {
        "items_without_features": "items have no feature and learn from ids alone",
        "items_not_in_feature_set": f"of them are not in the feature set, such as {', '.join(map(str, absent))}",
        "cold_items": "items have no train pair: they are ranked, but no user teaches their ids",
        "users_without_train_items": "users have no train items and are not ranked for",
        "users_without_negatives": "users trained on every item; their pairs are left out of training",
        "repeated_rows": "rows repeat a pair of their split, which counts once",
        "valid_pairs_in_train": "validation pairs are train pairs too and can never be found",
        "test_pairs_in_train": "test pairs are train pairs too and can never be found",
        "test_pairs_in_valid": "test pairs are validation pairs too: test is not independent of the choice",
    }
    for name, text in notes.items():
        if found[name]:
            say(f"{found[name]:,} {text}")


def _say_trials(trials: list[Trial]) -> None:
    names = list(trials[0].values)
    rows = [[*(trial.values[name] for name in names), trial.best_epoch, trial.valid] for trial in trials]
    say(table([*names, "best epoch", "valid recall@20"], rows))


def _print(summary: dict[str, Json], out: Path) -> None:
    seeds, over, groups = summary["seeds"], summary["over_seeds"], summary["groups"]
    assert isinstance(seeds, list)
    assert isinstance(over, dict)
    assert isinstance(groups, list)
    result(f"{out}: {summary['model']}, best epoch {summary['best_epoch']}, {summary['seconds']} s")
    valid, test = over["valid"], over["test"]
    assert isinstance(valid, dict)
    assert isinstance(test, dict)
    rows = [[name, *_mean_sd(valid[name]), *_mean_sd(test[name])] for name in valid]
    result(table(["mean over seeds", "valid", "sd", "test", "sd"], rows))
    if len(seeds) > 1:
        result("\neach seed")
        result(
            table(
                ["seed", "best epoch", "valid recall@20", "test recall@20"], [_seed_row(row) for row in seeds]
            )
        )
    result(f"\ntest Recall@20 by group, seed {summary['seed']}")
    shown = [list(group.values()) for group in groups if isinstance(group, dict)]
    result(table(["group", "users", "positives", "recall@20"], shown))
    if len(seeds) > 1:
        say(f"{len(seeds)} seeds; the model kept is the best on validation, seed {summary['seed']}")


def _seed_row(row: Json) -> list[Json]:
    assert isinstance(row, dict)
    valid, test = row["valid"], row["test"]
    assert isinstance(valid, dict)
    assert isinstance(test, dict)
    return [row["seed"], row["best_epoch"], valid["recall@20"], test["recall@20"]]


def _mean_sd(cell: Json) -> tuple[Json, Json]:
    assert isinstance(cell, dict)
    return cell["mean"], cell["sd"]
