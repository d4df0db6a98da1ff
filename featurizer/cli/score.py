"""`featurizer score-features`: feature sets and interactions become a leaderboard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from featurizer.cli.console import progress, result, result_json, say, table
from featurizer.cli.grouped import grouped
from featurizer.cli.score_options import (
    DataChoice,
    MaskChoice,
    RunChoice,
    WhatChoice,
    chosen,
    folders,
    listed,
    numbers,
    shares,
)

if TYPE_CHECKING:
    from featurizer.records import Json
    from featurizer.scoring.scorer import Options
    from featurizer.scoring.world import World


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
    from featurizer.interactions.store import read_split
    from featurizer.release.recard import recard
    from featurizer.scoring.attach import attach
    from featurizer.scoring.masks import MODALITIES
    from featurizer.scoring.score import ScoreStage, score
    from featurizer.scoring.spaces import open_contenders, open_masked
    from featurizer.scoring.transform import TRANSFORMS, TransformName
    from featurizer.scoring.world import WorldOptions, build_world

    options = _options(what, mask, run)
    transforms = cast("tuple[TransformName, ...]", chosen("transform", what.transform, TRANSFORMS))
    splits = chosen("split", data.split, ("valid", "test"))
    contenders, shared = open_contenders(features)
    masks = {
        modality: [open_masked(folder, modality, shared) for folder in given]
        for modality, given in folders("masked", mask.masked or (), MODALITIES).items()
    }
    used = WorldOptions(splits, data.min_coverage, data.users, run.seed)
    world = build_world(read_split(interactions, item_map=data.item_map), shared, used)
    _say_world(world, [contender.features.rows for contender in contenders])
    with progress() as report:
        stage = ScoreStage(
            out,
            contenders,
            tuple(what.space or ()),
            transforms,
            listed(what.metrics),
            replace(options, report=report),
            _inputs(interactions, data, splits),
            masks,
            run.overwrite,
        )
        found = score(stage, world)
    if run.attach:
        for contender in contenders:
            attach(found, contender.label, contender.features.folder)
            recard(contender.features.folder)
    if run.as_json:
        result_json({name: value for name, value in found.items() if name != "config"})
    else:
        _print(found, out)


def _options(what: WhatChoice, mask: MaskChoice, run: RunChoice) -> Options:
    from featurizer.recsys.device import halves_pay, training_device
    from featurizer.scoring.memory import parse_memory
    from featurizer.scoring.scorer import DownstreamOptions, Options

    device = training_device(run.device)
    return Options(
        numbers("k", what.k),
        numbers("neighbours", what.neighbours),
        run.seed,
        parse_memory(run.memory),
        device,
        halves_pay(device),
        shares("ratios", mask.ratios),
        DownstreamOptions(mask.model, mask.epochs, mask.seeds, mask.trials, mask.downstream),
    )


def _inputs(interactions: Path, data: DataChoice, splits: tuple[str, ...]) -> dict[str, Json]:
    from featurizer.manifest import file_sha256

    return {
        "interactions": file_sha256(interactions),
        "item_map": file_sha256(data.item_map) if data.item_map else None,
        "splits": list(splits),
        "users": data.users,
    }


def _say_world(world: World, rows: list[int]) -> None:
    counts = world.counts
    if len(set(rows)) > 1 or rows[0] != len(world.item_ids):
        sizes = ", ".join(f"{row:,}" for row in rows)
        say(f"the feature sets hold {sizes} items; compared on the {len(world.item_ids):,} that all have")
    say(
        f"{counts['users']:,} users, {counts['items']:,} items ({counts['cold_items']:,} cold), "
        f"{counts['train']:,} train pairs; every set covers {counts['train_coverage']:.1%} of the train pairs"
    )
    if counts["pairs_left_out"]:
        say(
            f"{counts['pairs_left_out']:,} pairs are of items that not every feature set has, and are left out"
        )
    if counts["users_without_train_items"]:
        say(f"{counts['users_without_train_items']:,} users have no train items and are not ranked for")


def _print(found: dict[str, Json], out: Path) -> None:
    from featurizer.scoring.leaderboard import leaderboard, steps
    from featurizer.scoring.score import FILE

    scores, comparisons = found["scores"], found["comparisons"]
    assert isinstance(scores, list)
    assert isinstance(comparisons, list)
    board = leaderboard([row for row in scores if isinstance(row, dict)])
    result(table(board.header, board.rows))
    told = steps(board, [row for row in comparisons if isinstance(row, dict)])
    if told:
        result("\n" + "\n".join(told))
    say(f"on {board.split}, ± half of the 95 % interval over users; everything else stands in {out / FILE}")
