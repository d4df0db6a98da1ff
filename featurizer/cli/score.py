"""`featurizer score-features`: feature sets and interactions become a leaderboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from featurizer.cli.command import grouped
from featurizer.cli.console import progress, result, result_json, say, table
from featurizer.cli.score_options import (
    DataChoice,
    MaskChoice,
    RunChoice,
    WhatChoice,
    chosen,
    folders,
    named,
    numbers,
    shares,
)

if TYPE_CHECKING:
    from featurizer.operations.score_features import ScoreFeatures
    from featurizer.records import Json
    from featurizer.scoring.evaluation_data import EvaluationData


@grouped
def score_features(
    features: Annotated[list[Path], typer.Argument(help="Feature set folders.", metavar="FEATURES...")],
    interactions: Annotated[
        Path, typer.Option("--interactions", "-i", help="Split interactions: .parquet, .csv, .tsv or .inter.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write scores.json into.")],
    *,
    what: WhatChoice,
    mask: MaskChoice,
    data: DataChoice,
    run: RunChoice,
) -> None:
    """Score feature sets for recommendation: one leaderboard, with intervals and paired tests.

    Sets with different items are compared on those they share.

    Example: featurizer score-features ./clip ./dinov2 --interactions ./catalog/interactions.parquet --out ./scores
    """
    from featurizer.operations.operation import Target

    work = _work(features, interactions, what, mask, data, run)
    stage, world = work.open(Target(out, run.overwrite))
    _say_world(world, [candidate.features.rows for candidate in stage.candidates], data.users)
    with progress() as report:
        found = work.make(replace(stage, options=replace(stage.options, report=report)), world)
    if run.as_json:
        result_json({name: value for name, value in found.items() if name != "config"})
    else:
        _print(found, out)


def _work(
    features: list[Path],
    interactions: Path,
    what: WhatChoice,
    mask: MaskChoice,
    data: DataChoice,
    run: RunChoice,
) -> ScoreFeatures:
    from featurizer.operations.operation import work_of
    from featurizer.operations.score_features import ScoreFeatures
    from featurizer.scoring.masks import MODALITIES
    from featurizer.scoring.transform import TRANSFORMS

    masked = folders("masked", mask.masked or (), MODALITIES)
    downstream = {
        "model": mask.model,
        "epochs": mask.epochs,
        "seeds": mask.seeds,
        "trials": mask.trials,
        "masked": mask.downstream,
    }
    return work_of(
        ScoreFeatures,
        features=tuple(features),
        interactions=interactions,
        item_map=data.item_map,
        spaces=tuple(what.space or ()),
        metrics=named("metrics", what.metrics, "zero-shot,item-cf"),
        transforms=chosen("transform", what.transform, TRANSFORMS),
        k=numbers("k", what.k),
        neighbors=numbers("neighbors", what.neighbors),
        ratios=shares("ratios", mask.ratios),
        masked_image=tuple(masked.get("image", ())),
        masked_text=tuple(masked.get("text", ())),
        downstream=downstream,
        splits=chosen("split", data.split, ("valid", "test")),
        users=data.users,
        min_coverage=data.min_coverage,
        seed=run.seed,
        memory=run.memory,
        device=run.device,
        attach=run.attach,
    )


def _say_world(world: EvaluationData, rows: list[int], drawn: int | None) -> None:
    counts = world.counts
    if len(set(rows)) > 1 or rows[0] != len(world.item_ids):
        sizes = ", ".join(f"{row:,}" for row in rows)
        say(f"the feature sets hold {sizes} items; compared on the {len(world.item_ids):,} that all have")
    say(
        f"{counts['users']:,} users, {counts['items']:,} items ({counts['cold_items']:,} cold), "
        f"{counts['train']:,} train pairs; every set covers {counts['train_coverage']:.1%} of the train pairs"
    )
    if drawn is not None:
        shown = ", ".join(f"{len(users):,} in {name}" for name, users in world.ranked.items())
        say(f"--users {drawn}: ranked for {shown}")
    if counts["pairs_left_out"]:
        say(
            f"{counts['pairs_left_out']:,} pairs are of items that not every feature set has, and are left out"
        )
    if counts["users_without_train_items"]:
        say(f"{counts['users_without_train_items']:,} users have no train items and are not ranked for")


def _print(found: dict[str, Json], out: Path) -> None:
    from featurizer.scoring.document import FILE, parse_scores
    from featurizer.scoring.leaderboard import leaderboard, steps

    document = parse_scores(found)
    board = leaderboard(document.scores)
    result(table(*board.shown))
    told = steps(board, document.comparisons)
    if told:
        result("\n" + "\n".join(told))
    means = "" if not board.ranks else f"on {board.split}, ± half of the 95 % interval over users; "
    say(f"{means}{'everything else stands' if board.columns else 'the figures stand'} in {out / FILE}")
